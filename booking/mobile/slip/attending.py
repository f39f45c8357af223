"""What the holder of a slip says: cancel it, I will come, I will not come. Questions are asked by GET, done by POST."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.appointments import attending, service
from booking.appointments.commands import CancelAppointment
from booking.appointments.errors import NotChangeable
from booking.errors import Conflict, OutcomeUnknown
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.mobile.slip.standing import standing
from booking.mobile.slip.tickets import changeable
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}", dependencies=[Depends(check_origin)])

Change = Callable[[AsyncSession], Awaitable[None]]


@router.get("/cancel")
async def cancel_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """One clear question."""
    return await _question(request, asked, code, token, until_start=False)


@router.post("/cancel")
async def cancel(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Give the place up."""

    async def change(session: AsyncSession) -> None:
        await service.cancel(session, code, token, CancelAppointment(), by=asked.by, now=asked.now)

    return await _done(request, asked, change, f"/t/{code}/{token}")


@router.get("/not-coming")
async def decline_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The same question, also after the limit for changes."""
    return await _question(request, asked, code, token, until_start=True)


@router.post("/not-coming")
async def decline(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """She will not come: the place is free for somebody else."""

    async def change(session: AsyncSession) -> None:
        await attending.decline(session, code, token, by=asked.by, now=asked.now)

    return await _done(request, asked, change, f"/t/{code}/{token}")


@router.get("/coming")
async def coming_page(request: Request, code: Code, token: Token) -> Response:
    """Whoever comes here by an address sees the slip, which asks."""
    return see_other(request, f"/t/{code}/{token}")


@router.post("/coming")
async def coming(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """She will come, at the time the slip showed her."""
    version = text_of(await request.form(), "version")
    if not version.isascii() or not version.isdecimal() or len(version) > len("999999"):
        raise Conflict

    async def change(session: AsyncSession) -> None:
        await attending.confirm(session, code, token, version=int(version), by=asked.by, now=asked.now)

    return await _done(request, asked, change, f"/t/{code}/{token}")


async def _question(request: Request, asked: Asked, code: str, token: str, *, until_start: bool) -> Response:
    try:
        visit, _ = await changeable(asked, code, token, until_start=until_start)
    except NotChangeable as refused:
        if refused.facts.get("state") == "cancelled":  # done already: the slip says so
            return see_other(request, f"/t/{code}/{token}")
        raise
    return page(
        request, "cancel.html", personal=True, visit=visit, view=visit.view, declining=until_start,
        changeable=standing(visit.view, asked.now).changeable,
    )  # fmt: skip


async def _done(request: Request, asked: Asked, change: Change, ticket: str) -> Response:
    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await change(session)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, await request.form(), action=request.url.path, check=ticket)
    return see_other(request, ticket)
