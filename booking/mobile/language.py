"""The language switch: a form, because a GET changes nothing."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.i18n import LANGUAGES
from booking.mobile.forms import text_of
from booking.web import device
from booking.web.origin import check_origin
from booking.web.pages import local_path, see_other

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.post("/language")
async def choose_language(request: Request) -> Response:
    """Remember the language in the browser and go back to the page."""
    form = await request.form()
    answer = see_other(request, local_path(text_of(form, "next")))
    chosen = text_of(form, "lang")
    if chosen in LANGUAGES:
        answer.set_cookie(
            "lang", chosen, max_age=device.A_YEAR, secure=device.secure(request), httponly=True, samesite="lax"
        )
    return answer
