"""What a patient says who is asked to choose, and what staff hear on the telephone."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.actor import Actor
from booking.appointments.changing import holder
from booking.appointments.closing import changes, covering, rules
from booking.appointments.closing.commands import NoteCall
from booking.appointments.closing.errors import ClosingUnknown, NotAsked
from booking.appointments.closing.kinds import ASKS, LIVE, CallOutcome
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.closing.rules import Time
from booking.appointments.errors import AlreadyBooked, AppointmentUnknown, SlotClosed, SlotUnknown
from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.columns import constraint_of
from booking.messages.kinds import MessageKind
from booking.sealed import keys
from booking.trail.service import record

OFFERED: Final = 8
A_DAY: Final = 3
"""How many times are offered to choose from, and how many of one day."""


async def asked(session: AsyncSession, appointment_id: int) -> Closing | None:
    """The closing that asks about this visit as it stands now; None where nobody does."""
    query = (
        select(Closing)
        .join(ClosingVisit, col(ClosingVisit.closing_id) == col(Closing.id))
        .join(Appointment, col(Appointment.id) == col(ClosingVisit.appointment_id))
        .where(
            col(ClosingVisit.appointment_id) == appointment_id,
            col(ClosingVisit.fate).in_(ASKS),
            col(ClosingVisit.version) == col(Appointment.version),
            col(Appointment.state) == AppointmentState.BOOKED,
            col(Closing.state).in_(LIVE),
        )
        .order_by(col(Closing.id).desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def times_for(session: AsyncSession, appointment_id: int, *, now: datetime) -> list[Time]:
    """Times to offer instead of a closed one, on several days: the later ones, then those before it if there is room.

    Each in the order of time. She chooses herself, so an earlier day is hers to take.
    """
    visit = await session.get(Appointment, appointment_id)
    assert visit is not None
    free = await covering.free_times(session, visit.service_id, after=max(visit.starts_at, now), now=now)
    others = await covering.others_of(session, visit, now=now)
    offer = partial(rules.offered, visit.starts_at, told_at=now, others=others, zone=clock.ZONE, a_day=A_DAY)
    later = offer(free, most=OFFERED)
    earlier: list[Time] = []
    if len(later) < OFFERED:
        free = await covering.free_before(session, visit.service_id, before=visit.starts_at, now=now)
        earlier = offer(free, most=OFFERED - len(later), earlier=True)
    return [*sorted(later, key=_in_time), *sorted(earlier, key=_in_time)]


def _in_time(one: Time) -> tuple[datetime, int]:
    return one.starts_at, one.slot_id


async def times_for_all(session: AsyncSession, visits: Sequence[UUID], *, now: datetime) -> dict[UUID, list[Time]]:
    """Likewise for several, by public id."""
    query = select(Appointment.public_id, Appointment.id).where(col(Appointment.public_id).in_(visits))
    rows = (await session.execute(query)).all()
    return {row.public_id: await times_for(session, row.id, now=now) for row in rows if row.id is not None}


async def opened(session: AsyncSession, code: str, token: str) -> int:
    """The id of the appointment a token opens; AppointmentUnknown where it does not."""
    query = select(Appointment.id, Appointment.public_id, Appointment.token_version)
    seen = (await session.execute(query.where(col(Appointment.code) == code))).first()
    if seen is None or seen.id is None or not keys().token_fits(token, str(seen.public_id), seen.token_version):
        raise AppointmentUnknown
    return int(seen.id)


async def choose(session: AsyncSession, code: str, token: str, slot: int, *, by: Actor, now: datetime) -> None:
    """She takes another time; no limit before the visit stands in the way. The same again changes nothing.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
        NotAsked: nobody asks her (any more).
        SlotFull, SlotClosed, ...: see `changes.move`. AlreadyBooked: she has a visit of the service that day.
    """
    appointment_id = await opened(session, code, token)
    await _move(session, appointment_id, slot, by=holder(by), now=now)


async def decline(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> None:
    """She gives the visit up; again changes nothing. Raises as `choose`."""
    appointment_id = await opened(session, code, token)
    await _cancel(session, appointment_id, only_asked=True, by=holder(by), now=now)


async def _move(session: AsyncSession, appointment_id: int, slot: int, *, by: Actor, now: datetime) -> None:
    while True:
        seen = await session.get(Appointment, appointment_id, populate_existing=True)
        assert seen is not None
        if seen.slot_id == slot and seen.state is AppointmentState.BOOKED:
            if await asked(session, appointment_id) is not None:
                raise SlotClosed  # the very time that is closed
            return
        held = await changes.locked(session, appointment_id, {seen.slot_id, slot})
        if held is not None:
            break
        await session.rollback()
    closing = await asked(session, appointment_id)
    if closing is None:
        raise NotAsked
    if slot not in held.slots:
        raise SlotUnknown(slot=slot)
    try:
        await changes.move(session, held, slot, by=by, now=now, why=str(closing.public_id))
    except IntegrityError as problem:
        if constraint_of(problem) == "appointment_day_key":
            raise AlreadyBooked from None
        raise
    to = await changes.reader_of(session, held.visit)
    useful = held.visit.starts_at
    await changes.tell(session, held, MessageKind.MOVED, to, due_at=now, useful_until=useful, now=now, known=True)


async def give_up(session: AsyncSession, appointment_id: int, *, by: Actor, now: datetime) -> None:
    """She says on the telephone that she will not come; again changes nothing. Raises NotAsked where it is too late."""
    await _cancel(session, appointment_id, only_asked=False, by=by, now=now)


async def _cancel(session: AsyncSession, appointment_id: int, *, only_asked: bool, by: Actor, now: datetime) -> None:
    while True:
        seen = await session.get(Appointment, appointment_id, populate_existing=True)
        assert seen is not None
        if seen.state is AppointmentState.CANCELLED:
            return
        held = await changes.locked(session, appointment_id, {seen.slot_id})
        if held is not None:
            break
        await session.rollback()
    if held.visit.state is not AppointmentState.BOOKED:
        raise NotAsked
    closing = await asked(session, appointment_id)
    if closing is None and only_asked:
        raise NotAsked
    why = str(closing.public_id) if closing else "call"
    reason = closing.reason if closing else ""
    await changes.cancel(session, held, whose=CancelledBy.PATIENT, reason=reason, by=by, now=now, why=why)
    to = await changes.reader_of(session, held.visit)
    useful = held.visit.starts_at
    await changes.tell(session, held, MessageKind.CANCELLED, to, due_at=now, useful_until=useful, now=now, known=True)


async def note_call(
    session: AsyncSession, closing: Closing, facility_id: int, visit: UUID, command: NoteCall, *, by: Actor,
    now: datetime,
) -> None:  # fmt: skip
    """Write down what came of telephoning. Where she takes another time or gives it up, that is done at once.

    Args:
        session: the caller's transaction.
        closing: found through the scope.
        facility_id: whose patients are telephoned.
        visit: the appointment's public id.
        command: what came of it.
        by: the member of staff.
        now: the moment of the request.

    Raises:
        ClosingUnknown: the closing has no such visit at this facility.
        NotAsked, SlotFull, ...: another time was named and cannot be had.
    """
    appointment_id = await _appointment_of(session, closing, facility_id, visit)
    if command.outcome is CallOutcome.MOVED and command.slot is not None:
        await _move(session, appointment_id, command.slot, by=by, now=now)
    if command.outcome is CallOutcome.CANCELLED:
        await give_up(session, appointment_id, by=by, now=now)
    query = select(ClosingVisit).where(
        col(ClosingVisit.closing_id) == closing.id, col(ClosingVisit.appointment_id) == appointment_id
    )
    row = (await session.execute(query.with_for_update())).scalar_one()
    row.call, row.called_at, row.called_by = command.outcome, now, by.id
    row.calls += 1
    row.note = command.note or row.note
    record(
        session, "closing.call", "appointment", visit, by=by, now=now, outcome=command.outcome.value, calls=row.calls,
        closing=str(closing.public_id),
    )  # fmt: skip


async def _appointment_of(session: AsyncSession, closing: Closing, facility_id: int, visit: UUID) -> int:
    query = (
        select(Appointment.id)
        .join(ClosingVisit, col(ClosingVisit.appointment_id) == col(Appointment.id))
        .where(
            col(ClosingVisit.closing_id) == closing.id,
            col(ClosingVisit.facility_id) == facility_id,
            col(Appointment.public_id) == visit,
        )
    )
    found: int | None = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise ClosingUnknown
    return found
