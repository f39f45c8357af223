"""The switches in the head of every page, language and size of type: a form, because a GET changes nothing."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.i18n import LANGUAGES
from booking.web import device
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import TYPES, local_path, see_other

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.post("/language")
async def choose(request: Request) -> Response:
    """Remember what was switched, in the browser, and go back to the page."""
    form = await request.form()
    answer = see_other(request, local_path(text_of(form, "next")))
    for name, known in (("lang", LANGUAGES), ("type", TYPES)):
        chosen = text_of(form, name)
        if chosen in known:
            device.set_cookie(request, answer, name, chosen, max_age=device.A_YEAR)
    return answer
