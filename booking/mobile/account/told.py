"""The page behind the link of a text that told of a slip: where, when, and the way to the days, or to no such texts."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.errors import OutcomeUnknown
from booking.invitations import queries, stopping
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.web.dependencies import Ask
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("/i/{code}/{token}")
async def told_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """What the text said, as it stands now."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        found = await queries.of_link(session, code, token, today=today)
    place = f"/f/{found.facility}"
    way = f"{place}/{found.service}?start={max(found.first, today).isoformat()}" if found.service else place
    return page(
        request, "invitation_told.html", personal=True, invitation=found, way=way, stop=f"/i/{code}/{token}/reminders"
    )


@router.get("/i/{code}/{token}/reminders")
async def reminders_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Whether the number takes reminders and invitations, and the other way as a button."""
    async with asked.db.transaction() as session:
        choice = await stopping.chosen(session, code, token)
    return page(
        request, "reminders.html", personal=True, visit={"path": f"/i/{code}/{token}", "code": code}, choice=choice,
        of_slip=True, done="done" in request.query_params,
    )  # fmt: skip


@router.post("/i/{code}/{token}/reminders")
async def choose(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take them, or take none; `wanted` says which."""
    form = await request.form()
    wanted = form.get("wanted") == "yes"

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await stopping.choose(session, code, token, wanted=wanted, by=asked.by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    return see_other(request, f"{request.url.path}?done=1")
