"""The page behind the link of a text that told of a slip: where, when, and the way to the days, or to no such texts."""

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.clock import local_day
from booking.invitations import queries, stopping
from booking.mobile import reminding
from booking.mobile.addresses import Code, Token
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page

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
    return reminding.shown(request, choice, code, of_slip=True)


@router.post("/i/{code}/{token}/reminders")
async def choose(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take them, or take none; `wanted` says which."""

    async def said(session: AsyncSession, wanted: bool) -> None:  # noqa: FBT001  its one fact
        await stopping.choose(session, code, token, wanted=wanted, by=asked.by, now=asked.now)

    return await reminding.answered(request, asked, said)
