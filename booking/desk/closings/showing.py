"""The list of closings and one of them as it stands, for a facility or for all; undoing it, opening the times again."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from starlette.responses import Response

from booking.access.queries import Desk
from booking.appointments.closing import queries
from booking.appointments.closing.errors import ClosingUnknown
from booking.appointments.closing.stuck import stuck as stuck_of
from booking.desk.closings.making import Door
from booking.web import at_desk
from booking.web.dependencies import Asked
from booking.web.pages import page, see_other


def _which(closing: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(closing)
    except ValueError:
        raise ClosingUnknown from None


Which = Annotated[UUID, Depends(_which)]
Verb = Callable[..., Awaitable[None]]


async def show_list(request: Request, asked: Asked, desk: Desk, door: Door) -> Response:
    """Closings, the latest first."""
    async with asked.db.transaction() as session:
        found = await queries.listed(session, door.facility_id)
    return page(
        request, "desk_closings.html", personal=True, desk=desk, place=await door.view(asked), base=door.base,
        closings=found,
    )  # fmt: skip


async def show_one(request: Request, asked: Asked, desk: Desk, door: Door, which: UUID) -> Response:
    """One closing: how far it is, what can still be done."""
    async with asked.db.transaction() as session:
        one = await queries.one(session, which, door.facility_id)
        stuck = await stuck_of(session, which, door.facility_id, now=asked.now)
        at = await queries.by_facility(session, which) if door.facility_id is None else []
    return page(
        request, "desk_closing.html", personal=True, desk=desk, place=await door.view(asked), base=door.base, one=one,
        at=at, own=one.facility_id == door.facility_id, may_undo=one.may_undo(asked.now),
        may_end=one.may_end(asked.now), stuck=stuck,
    )  # fmt: skip


async def change(request: Request, asked: Asked, desk: Desk, door: Door, which: UUID, verb: Verb) -> Response:
    """Undo it, or open the times again."""
    by = at_desk.actor(asked, desk)

    async def work() -> None:
        async with asked.db.transaction() as session:
            held = await queries.held(session, which, door.facility_id)
            await verb(session, held, by=by, now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"{door.base}/{which}")
