"""Entering what happened on paper. Each row is a transaction of its own, so a row that is refused takes none with it.

Locks as everywhere in the queue: the appointment, the line, the counter (see lines.py). Moments are those written on
paper, never that of entering; the audit says that they are from paper, and which of them were only assumed.
"""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import visiting
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.models import Appointment
from booking.availability.models import Slot
from booking.clock import at_local, local_day
from booking.patients.models import Patient
from booking.patients.rules import read_birth, read_name
from booking.queue import acts, lines
from booking.queue.errors import TicketUnknown
from booking.queue.kinds import ENDED
from booking.queue.missing import check_missable
from booking.queue.models import Queue, QueueTicket
from booking.queue.paper import rules
from booking.queue.paper.commands import EnterRow, EnterWalkIn
from booking.queue.paper.errors import PaperOvertaken
from booking.queue.paper.kinds import Outcome
from booking.queue.paper.rules import Times
from booking.queue.queries import view_of
from booking.queue.steps import noted
from booking.queue.views import TicketView
from booking.trail.live import tell
from booking.trail.service import record

Written = EnterRow | EnterWalkIn


async def enter(session: AsyncSession, command: EnterRow, *, by: Actor, now: datetime) -> TicketView | None:
    """Somebody of the sheet, as it stands on paper; None for who did not come. The same form again changes nothing.

    Raises:
        AppointmentUnknown, TicketUnknown: the facility has none of that day.
        PaperOvertaken: something was entered at the desk since the form was made.
        PaperRefused, PaperTimeRefused: see the rules.
        StillExpected: the booked time is not over, so nobody has missed it.
        NotChangeable: the visit was cancelled, its time did not take place, or another of that day stands in its way.
        FormReused: the form's name stands for another act.
    """
    rules.check_day(command.day, local_day(now))
    if command.code is None:
        return await _ticket(session, command, by=by, now=now)
    visit = await visiting.visit_at(session, command.code, facility=command.facility)
    if visit.day != command.day:
        raise AppointmentUnknown
    there = await session.scalar(select(QueueTicket).where(col(QueueTicket.appointment_id) == visit.id))
    if there is not None:
        if there.public_id == command.once:
            return await view_of(session, there)
        return await _ticket(session, command.model_copy(update={"ticket": there.public_id}), by=by, now=now)
    if command.outcome is Outcome.MISSED:
        await _missed(session, command, visit, by=by, now=now)
        return None
    return await _came(session, command, visit, by=by, now=now)


async def _missed(session: AsyncSession, command: EnterRow, visit: Appointment, *, by: Actor, now: datetime) -> None:
    if await acts.repeated(session, command.facility, command.once, "no_show", number=visit.code) is not None:
        return
    _check_unchanged(command, visit, None)
    await check_missable(session, visit, now=now)
    was = visit.state
    await visiting.miss(session, visit, by=by, now=now)
    if visit.state is was:
        return
    acts.remember(
        session, "no_show", facility_id=visit.facility_id, before={"visit": was.value}, by=by, now=now,
        once=command.once, visit=visit.id, number=visit.code,
    )  # fmt: skip
    record(
        session, "queue.paper", "appointment", visit.public_id, by=by, now=now, source="paper",
        outcome=command.outcome.value,
    )  # fmt: skip
    tell(session, lines.topic(visit.facility_id, command.day, visit.service_id), now=now, what="no_show")


async def _came(
    session: AsyncSession, command: EnterRow, visit: Appointment, *, by: Actor, now: datetime
) -> TicketView:
    _check_unchanged(command, visit, None)
    rules.check_outcome(command.outcome, day=command.day, today=local_day(now), there=False)
    times = rules.settled(command.outcome, **_moments(command), due=visit.starts_at, now=now)
    was = visit.state.value
    await visiting.arrive(session, visit, by=by, now=now)
    room_id = await session.scalar(select(Slot.room_id).where(col(Slot.id) == visit.slot_id))
    line = await lines.line_for(session, visit.facility_id, visit.service_id, room_id, command.day, now=now)
    claimed = select(Patient.priority_claimed).where(col(Patient.id) == visit.patient_id)
    ticket = QueueTicket(
        public_id=command.once, appointment_id=visit.id, patient_id=visit.patient_id,
        priority_claimed=await session.scalar(claimed), band_start=visit.starts_at, band_end=visit.ends_at,
        **await _new(session, line, command, times),
    )  # fmt: skip
    session.add(ticket)
    if command.outcome is Outcome.SEEN:
        await visiting.fulfil(session, visit, by=by, now=now)
    return await _noted(session, command, line, ticket, times, {"new": True, "visit": was}, by=by, now=now)


async def _ticket(session: AsyncSession, command: EnterRow, *, by: Actor, now: datetime) -> TicketView:
    """Whoever has a number already: seen, or gone. Her arrival stays as the desk noted it."""
    if command.ticket is None:
        raise TicketUnknown
    seen = await lines.ticket_seen(session, command.facility, command.ticket)
    if seen.day != command.day:
        raise TicketUnknown
    visit = None if seen.appointment_id is None else await visiting.visit_of(session, seen.appointment_id)
    held = await lines.locked(session, seen.queue_id)
    ticket = await lines.ticket_seen(session, command.facility, command.ticket)
    if await acts.repeated(session, command.facility, command.once, "paper", ticket=ticket.public_id) is not None:
        return await view_of(session, ticket)
    if ticket.queue_id not in held or ticket.state in ENDED:
        raise PaperOvertaken(**_stands(ticket))
    _check_unchanged(command, visit, ticket)
    rules.check_outcome(command.outcome, day=command.day, today=local_day(now), there=True)
    moments = _moments(command) | {"came": ticket.arrived_at}
    moments["called"] = ticket.called_at or moments["called"]
    times = rules.settled(command.outcome, **moments, due=ticket.band_start, now=now)
    before = acts.kept(ticket) | ({} if visit is None else {"visit": visit.state.value})
    ticket.state, ticket.called_at = rules.STATE_AFTER[command.outcome], times.called
    ticket.first_called_at, ticket.finished_at = ticket.first_called_at or times.called, times.finished
    if visit is not None and command.outcome is Outcome.SEEN:
        await visiting.fulfil(session, visit, by=by, now=now)
    return await _noted(session, command, held[ticket.queue_id], ticket, times, before, by=by, now=now)


async def enter_walk_in(session: AsyncSession, command: EnterWalkIn, *, by: Actor, now: datetime) -> TicketView:
    """Somebody who came without booking while there was only paper; the same form again gives the same ticket.

    Raises:
        FacilityUnknown, ServiceUnknown.
        NameRefused, BirthRefused: what was written of the person cannot be.
        PaperRefused, PaperTimeRefused: see the rules.
    """
    today = local_day(now)
    rules.check_day(command.day, today)
    rules.check_outcome(command.outcome, day=command.day, today=today, there=command.outcome is Outcome.MISSED)
    times = rules.settled(command.outcome, **_moments(command), due=None, now=now)
    birth = command.birth_year
    said: dict[str, Any] = {
        "name": read_name(command.name) if command.name else None,
        "birth_year": None if birth is None else read_birth(day=None, year=birth, today=today).year,
        "paper_number": command.paper_number or None,
    }
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    line = await lines.line_for(session, service.facility_id, service.id, None, command.day, now=now)
    known = select(QueueTicket).where(
        col(QueueTicket.public_id) == command.once, col(QueueTicket.facility_id) == service.facility_id
    )
    new = None
    if (there := await session.scalar(known)) is None:
        new = await _new(session, line, command, times)  # its counter makes the same form, sent twice, wait for itself
        there = await session.scalar(known)
    if there is not None or new is None:
        assert there is not None
        return await view_of(session, there)
    ticket = QueueTicket(public_id=command.once, **said, **new)
    session.add(ticket)
    return await _noted(session, command, line, ticket, times, {"new": True}, by=by, now=now)


def _moments(command: Written) -> dict[str, datetime | None]:
    """The written times as moments of that day."""

    def at(clock: time | None) -> datetime | None:
        return None if clock is None else at_local(command.day, clock)

    return {"came": at(command.came), "called": at(command.called), "finished": at(command.finished)}


async def _new(session: AsyncSession, line: Queue, command: Written, times: Times) -> dict[str, Any]:
    """What every ticket from paper begins with."""
    return {
        "queue_id": line.id, "facility_id": line.facility_id, "day": line.day, "series": line.series,
        "number": await lines.next_number(session, line), "state": rules.STATE_AFTER[command.outcome],
        "arrived_at": times.came, "called_at": times.called, "first_called_at": times.called,
        "finished_at": times.finished, "on_paper": True,
        "came_assumed": "came" in times.assumed,
    }  # fmt: skip


async def _noted(
    session: AsyncSession,
    command: Written,
    line: Queue,
    ticket: QueueTicket,
    times: Times,
    before: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> TicketView:
    return await noted(
        session, line, ticket, "paper", by=by, now=now, before=before, once=command.once, source="paper",
        outcome=command.outcome.value, assumed=list(times.assumed),
    )  # fmt: skip


def _check_unchanged(command: EnterRow, visit: Appointment | None, ticket: QueueTicket | None) -> None:
    """Raises PaperOvertaken where the desk entered something since the form was made."""
    stands = rules.mark(None if visit is None else visit.state.value, None if ticket is None else ticket.version)
    if stands != command.was:
        raise PaperOvertaken(
            **(_stands(ticket) if ticket is not None else {"state": visit.state.value if visit else ""})
        )


def _stands(ticket: QueueTicket) -> dict[str, Any]:
    return {"state": ticket.state.value, "number": acts.numbered(ticket)}
