"""Reminders or none: a question behind the link, for the number that the texts go to."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments import reminder_choice
from booking.errors import OutcomeUnknown
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.web.dependencies import Ask
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("/t/{code}/{token}/reminders")
async def reminders_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """How it stands, and the other way as a button."""
    visit = await reading.visit(asked, code, token)
    async with asked.db.transaction() as session:
        choice = await reminder_choice.chosen(session, code, token)
    return page(
        request,
        "reminders.html",
        personal=True,
        visit=visit,
        choice=choice,
        of_slip=False,
        done="done" in request.query_params,
    )


@router.post("/t/{code}/{token}/reminders")
async def choose(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take them, or take none; `wanted` says which."""
    form = await request.form()
    wanted = form.get("wanted") == "yes"

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await reminder_choice.choose(session, code, token, wanted=wanted, by=asked.by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    return see_other(request, f"{request.url.path}?done=1")
