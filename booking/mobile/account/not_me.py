"""“Không phải tôi”: a question and a button. The link that led here opens nothing afterwards."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments import wrong_number, wrong_waits
from booking.errors import OutcomeUnknown
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.mobile.slip import offline
from booking.mobile.waiting.ending import leave_all
from booking.web.dependencies import Ask
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

DONE = "/not-me"


@router.get("/t/{code}/{token}/not-me")
async def question(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """What will happen, and a button. Nothing is told of the person but what the message told."""
    visit = await reading.visit(asked, code, token)
    return page(request, "not_me.html", personal=True, visit=visit, view=visit.view, done=False)


@router.post("/t/{code}/{token}/not-me")
async def not_me(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Unhook the number."""
    form = await request.form()

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            waits = await wrong_waits.waits_told(session, code, token)
        await leave_all(asked, waits, by=asked.by)
        async with asked.db.transaction() as session:
            await wrong_number.not_me(session, code, token, by=asked.by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    answer = see_other(request, DONE)
    offline.forget(answer)  # a slip of a stranger's visit may be kept on this phone
    return answer


@router.get(DONE)
async def done_page(request: Request) -> Response:
    """What was done. It names nobody."""
    return page(request, "not_me.html", visit=None, view=None, done=True)
