"""Putting visits back, one transaction each, before anybody was told; at the end the slots open.

The slots stay closed until then, so that nobody takes the old places.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.closing import changes
from booking.appointments.closing.applying import BY, closed_by, standing
from booking.appointments.closing.changes import Held
from booking.appointments.closing.ending import call_again, has_heard
from booking.appointments.closing.kinds import ASKS, ClosingState, UndoneAs, VisitFate
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist import offers
from booking.availability import service as availability
from booking.availability.models import SlotClosure
from booking.columns import constraint_of
from booking.messages.kinds import MessageKind, SuppressedReason
from booking.trail.service import record

_LEFT_AS: Final = {
    VisitFate.MOVED: AppointmentState.BOOKED,
    VisitFate.ASKED: AppointmentState.BOOKED,
    VisitFate.NO_PLACE: AppointmentState.BOOKED,
    VisitFate.CANCELLED: AppointmentState.CANCELLED,
}
"""How a closing leaves a visit. Checking somebody in raises no version: she may be there, with a number, by now."""


async def left(session: AsyncSession, closing_id: int, *, most: int, without: Collection[int] = ()) -> list[int]:
    """Visits of a closing that were not put back yet; `without` are left out."""
    query = (
        select(ClosingVisit.id)
        .where(
            col(ClosingVisit.closing_id) == closing_id,
            col(ClosingVisit.undone).is_(None),
            col(ClosingVisit.id).not_in(without),
        )
        .order_by(col(ClosingVisit.id))
        .limit(most)
    )
    return [one for one in (await session.execute(query)).scalars() if one is not None]


async def restore(session: AsyncSession, row_id: int, *, now: datetime) -> bool:
    """Put one visit back, if she has not changed it or come meanwhile; False where that was done already."""
    possible = True
    while True:
        row = await session.get(ClosingVisit, row_id, populate_existing=True)
        assert row is not None
        if await standing(session, row.closing_id, ClosingState.UNDOING) is None:
            return False
        slot_id = (
            await session.execute(select(Appointment.slot_id).where(col(Appointment.id) == row.appointment_id))
        ).scalar_one()
        held = await changes.locked(session, row.appointment_id, {slot_id, row.old_slot_id})
        if held is not None:
            await session.refresh(row)
            if row.undone is not None:
                return False
            try:
                row.undone = await _undone(session, row, held, possible=possible, now=now)
                await session.flush()
            except IntegrityError as problem:
                if constraint_of(problem) != "appointment_day_key":
                    raise
                possible = False  # she has another visit on that day by now
            else:
                return True
        await session.rollback()


async def _undone(session: AsyncSession, row: ClosingVisit, held: Held, *, possible: bool, now: datetime) -> UndoneAs:
    visit = held.visit
    if visit.version != row.version:
        return UndoneAs.CHANGED
    if row.fate is VisitFate.HERE:
        return UndoneAs.RESTORED
    if visit.state is not _LEFT_AS[row.fate]:
        return UndoneAs.CHANGED
    heard = await has_heard(session, row, visit)
    back = possible and (row.fate in ASKS or await _put_back(session, row, held, now=now))
    if not back or row.fate in ASKS:
        visit.version += 1
        await session.flush()
    await _tell(session, row, held, back=back, heard=heard, now=now)
    if not back:
        row.version = visit.version
        return UndoneAs.STAYS
    record(session, "appointment.put_back", "appointment", visit.public_id, by=BY, now=now, slot=visit.slot_id)
    return UndoneAs.RESTORED


async def _put_back(session: AsyncSession, row: ClosingVisit, held: Held, *, now: datetime) -> bool:
    """Give her the old place again; the new one, if there is one, is free."""
    visit, old = held.visit, held.slots[row.old_slot_id]
    new, new_place, reserved = held.slot, visit.place, visit.uses_reserved
    taken = await changes.take_back(session, old, row.old_place, reserved=row.old_reserved)
    if taken is None:
        return False
    visit.state, visit.cancelled_at, visit.cancelled_by, visit.cancel_reason = AppointmentState.BOOKED, None, None, None
    changes.put(visit, old, taken[0], reserved=taken[1])
    await session.flush()
    if row.fate is VisitFate.MOVED:
        await offers.give_back(session, new, held.service, held.facility, new_place, reserved=reserved, now=now)
    return True


async def _tell(
    session: AsyncSession, row: ClosingVisit, held: Held, *, back: bool, heard: bool, now: datetime
) -> None:
    """Nobody was told, so nobody is told that it is as it was; the row says why. Whoever was told all the same is."""
    visit = held.visit
    to = await changes.reader_of(session, visit)
    if back:
        kind, why = MessageKind.MOVED, None if heard else SuppressedReason.UNDONE
        if heard and to.suppressed is not None:
            call_again(row, visit, to.suppressed)
    else:
        moved = row.fate is VisitFate.MOVED
        kind, why = MessageKind.MOVED_BY_FACILITY if moved else MessageKind.CANCELLED_BY_FACILITY, None
    await changes.tell(
        session, held, kind, to, due_at=now, useful_until=visit.starts_at, now=now, suppressed=why, news_at=row.at
    )


async def finish(session: AsyncSession, closing_id: int, *, now: datetime) -> bool:
    """Open the slots again, when every visit was put back."""
    query = select(Closing).where(col(Closing.id) == closing_id).with_for_update()
    closing = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    if closing.state is not ClosingState.UNDOING or await left(session, closing_id, most=1):
        return False
    await open_again(session, closing, now=now)
    closing.state, closing.changed_at = ClosingState.UNDONE, now
    record(session, "closing.undone", "closing", closing.public_id, by=BY, now=now)
    return True


async def open_again(session: AsyncSession, closing: Closing, *, now: datetime) -> None:
    """Take the closing's closures away; a slot that something else closes stays closed."""
    closed = set((await session.execute(select(SlotClosure.slot_id).where(closed_by(closing)))).scalars())
    await availability.settle_closures(session, closing.source, within=closed, wanted={}, by=BY, now=now)
