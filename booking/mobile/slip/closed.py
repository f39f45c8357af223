"""The facility is closed at the time of a visit: other times to choose from, or give it up."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.appointments.closing import answering, queries
from booking.appointments.closing.errors import NotAsked
from booking.appointments.closing.kinds import ASKS
from booking.appointments.errors import (
    AlreadyBooked,
    FacilityNotOpen,
    SlotClosed,
    SlotFull,
    SlotNotReleased,
    SlotPast,
)
from booking.errors import BookingError, OutcomeUnknown
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import slot_of
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}/closed", dependencies=[Depends(check_origin)])

Change = Callable[[AsyncSession], Awaitable[None]]
_TAKEN = (AlreadyBooked, FacilityNotOpen, SlotClosed, SlotFull, SlotNotReleased, SlotPast)
_MISSING = "missing"


@router.get("")
async def closed_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Times to choose from; the slip, where nobody asks any more."""
    return await _show(request, asked, code, token)


async def _show(
    request: Request, asked: Asked, code: str, token: str, *, error: BookingError | str | None = None
) -> Response:
    visit = await reading.visit(asked, code, token)
    async with asked.db.transaction() as session:
        news = await queries.news_of(session, visit.public_id)
        if news is None or news.fate not in ASKS or visit.state != "booked":
            return see_other(request, visit.path)
        number = await answering.opened(session, code, token)
        times = await answering.times_for(session, number, now=asked.now)
    said = " ".join(sentence(error, asked.language)) if isinstance(error, BookingError) else ""
    status = status_of(error) if isinstance(error, BookingError) else 422 if error else 200
    what = await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])
    return page(
        request, "closed.html", status=status, personal=True, visit=visit, view=visit.view, news=news, times=times,
        later=[one for one in times if one.starts_at > visit.starts_at],
        earlier=[one for one in times if one.starts_at < visit.starts_at],
        what=what, said=said, missing=error == _MISSING,
    )  # fmt: skip


@router.post("")
async def choose(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take another time; no limit before the visit stands in the way."""
    slot = slot_of(await request.form())
    if slot is None:
        return await _show(request, asked, code, token, error=_MISSING)

    async def change(session: AsyncSession) -> None:
        await answering.choose(session, code, token, slot, by=asked.by, now=asked.now)

    try:
        return await _done(request, asked, change, f"/t/{code}/{token}", after="?new=moved")
    except _TAKEN as error:
        return await _show(request, asked, code, token, error=error)


@router.get("/cancel")
async def cancel_page(request: Request, code: Code, token: Token) -> Response:
    """Whoever comes here by an address sees the question again."""
    return see_other(request, f"/t/{code}/{token}/closed")


@router.post("/cancel")
async def cancel(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Give the visit up."""

    async def change(session: AsyncSession) -> None:
        await answering.decline(session, code, token, by=asked.by, now=asked.now)

    return await _done(request, asked, change, f"/t/{code}/{token}")


async def _done(request: Request, asked: Asked, change: Change, ticket: str, *, after: str = "") -> Response:
    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await change(session)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, await request.form(), action=request.url.path, check=ticket)
    except NotAsked:  # she has answered already, or the facility opened again: the slip says how it stands
        return see_other(request, ticket)
    return see_other(request, f"{ticket}{after}")
