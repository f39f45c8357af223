"""Use cases of the queue. Each writes its audit and one live event with what it changes, in the caller's transaction.

Locks: see lines.py.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.appointments import visiting
from booking.availability.models import Slot
from booking.clock import local_day
from booking.patients.models import Patient
from booking.patients.rules import read_birth, read_name, read_phone
from booking.queue import acts, lines, texting
from booking.queue.commands import (
    CallNext,
    CheckIn,
    Enter,
    Finish,
    Leave,
    OpenRoomLine,
    PutBack,
    Recall,
    SayLate,
    Skip,
    Transfer,
    VerifyPriority,
    WalkIn,
)
from booking.queue.errors import FormReused, NobodyWaiting
from booking.queue.kinds import TicketState
from booking.queue.models import Queue, QueueTicket
from booking.queue.queries import view_of, waiting_in
from booking.queue.rules import Policy, check_day, order, streak_after
from booking.queue.steps import noted, step
from booking.queue.views import TicketView
from booking.trail.live import tell
from booking.trail.service import record

POLICY = Policy()


async def check_in(session: AsyncSession, command: CheckIn, *, by: Actor, now: datetime) -> TicketView:
    """A booked patient has come: the visit becomes arrived and gets a number. Again gives the same ticket.

    Raises:
        AppointmentUnknown: no such visit at this facility.
        AnotherDay: it is not today's.
        NotChangeable: it was cancelled, or is over.
    """
    visit = await visiting.visit_at(session, command.code, facility=command.facility)
    there = await session.scalar(select(QueueTicket).where(col(QueueTicket.appointment_id) == visit.id))
    if there is not None:
        return await view_of(session, there)
    check_day(visit.day, local_day(now))
    was = visit.state.value
    await visiting.arrive(session, visit, by=by, now=now)
    room_id = await session.scalar(select(Slot.room_id).where(col(Slot.id) == visit.slot_id))
    line = await lines.line_for(
        session, visit.facility_id, visit.service_id, room_id, local_day(now), now=now
    )  # fmt: skip
    ticket = QueueTicket(
        public_id=ids.public_id(),
        appointment_id=visit.id,
        patient_id=visit.patient_id,
        priority_claimed=await session.scalar(
            select(Patient.priority_claimed).where(col(Patient.id) == visit.patient_id)
        ),
        band_start=visit.starts_at,
        band_end=visit.ends_at + timedelta(minutes=await texting.minutes_told(session, visit)),
        **await _new(session, line, now),
    )
    session.add(ticket)
    return await noted(session, line, ticket, "check_in", by=by, now=now, before={"new": True, "visit": was})


async def walk_in(session: AsyncSession, command: WalkIn, *, by: Actor, now: datetime) -> TicketView:
    """Somebody came without booking and gets a number; the same form sent again gives the same ticket.

    Raises:
        FacilityUnknown, ServiceUnknown, RoomUnknown.
        NameRefused, BirthRefused, PhoneRefused: what was said of the person cannot be.
        FormReused: the form gave a number to somebody else.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    line = await lines.line_for(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    known = select(QueueTicket).where(
        col(QueueTicket.public_id) == command.ticket, col(QueueTicket.facility_id) == service.facility_id
    )
    said = _said(command, now)
    if (there := await session.scalar(known)) is not None:
        return await _same(session, there, said)
    new = await _new(session, line, now)  # its counter makes a second tap wait until the first one's ticket is there
    if (there := await session.scalar(known)) is not None:
        return await _same(session, there, said)
    ticket = QueueTicket(public_id=command.ticket, priority_claimed=command.priority_claimed, **said, **new)
    session.add(ticket)
    return await noted(session, line, ticket, "walk_in", by=by, now=now, before={"new": True})


async def _same(session: AsyncSession, there: QueueTicket, said: Mapping[str, Any]) -> TicketView:
    """The ticket that the same form made, if it is of the same person."""
    if there.emergency or any(getattr(there, name) != value for name, value in said.items()):
        raise FormReused
    return await view_of(session, there)


def _said(command: WalkIn, now: datetime) -> dict[str, Any]:
    """What somebody who came without booking says of herself, each as it may be."""
    birth = command.birth_year
    return {
        "name": read_name(command.name) if command.name else None,
        "birth_year": None if birth is None else read_birth(day=None, year=birth, today=local_day(now)).year,
        "phone": read_phone(command.phone).e164 if command.phone else None,
    }


async def _new(session: AsyncSession, line: Queue, now: datetime) -> dict[str, Any]:
    """What every ticket begins with."""
    return {
        "queue_id": line.id,
        "facility_id": line.facility_id,
        "day": line.day,
        "series": line.series,
        "number": await lines.next_number(session, line),
        "state": TicketState.WAITING,
        "arrived_at": now,
    }


async def call_next(
    session: AsyncSession, command: CallNext, *, by: Actor, now: datetime, policy: Policy = POLICY
) -> TicketView:
    """Call whoever is next by the rule. Under the line's lock, so each caller gets another, in the rule's order.

    Raises:
        NobodyWaiting: the line is empty.
        FormReused: the form's name stands for another act.
        FacilityUnknown, ServiceUnknown, RoomUnknown.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    line = await lines.line_for(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    assert line.id is not None
    line_id = line.id
    line = (await lines.locked(session, line_id))[line_id]
    done = await acts.repeated(session, command.facility, command.once, "call")
    if done is not None and done.ticket is not None:  # the same form again, or its answer was lost
        return await view_of(session, await lines.ticket_seen(session, command.facility, done.ticket))
    waiting = await waiting_in(session, line_id)
    turns = order(waiting, now=now, policy=policy, streak=line.priority_streak)
    if not turns:
        raise NobodyWaiting
    turn = turns[0]
    ticket = await session.get_one(QueueTicket, turn.id, populate_existing=True)
    # Before the ticket changes: were it written twice in one transaction, its reference to the visit would be checked
    # anew, and the visit may be locked by somebody who waits for this line.
    await texting.tell_near(session, turn.id, [one.id for one in turns[1:]], now=now)
    before, streak = acts.kept(ticket), line.priority_streak
    line.priority_streak = streak_after(streak, next(one for one in waiting if one.id == turn.id))
    before |= {"streak": streak, "streak_after": line.priority_streak}
    ticket.first_called_at = ticket.first_called_at or ticket.called_at or now
    ticket.state, ticket.called_at, ticket.room_id = TicketState.CALLED, now, room_id
    ticket.called_by = by.id
    ticket.calls += 1
    return await noted(
        session, line, ticket, "call", by=by, now=now, before=before, once=command.once, why=turn.why.value
    )


async def recall(session: AsyncSession, command: Recall, *, by: Actor, now: datetime) -> TicketView:
    """Call the same one again; from now on she is called by whoever does.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "recall", by=by, now=now) as (_, ticket):
        ticket.calls += 1
        ticket.called_by = by.id
    return await view_of(session, ticket)


async def enter(session: AsyncSession, command: Enter, *, by: Actor, now: datetime) -> TicketView:
    """The one called is in the room.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "enter", by=by, now=now) as (_, ticket):
        ticket.state, ticket.in_room_at = TicketState.IN_ROOM, now
    return await view_of(session, ticket)


async def finish(session: AsyncSession, command: Finish, *, by: Actor, now: datetime) -> TicketView:
    """The visit is over; a booked one is fulfilled.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "finish", by=by, now=now) as (visit, ticket):
        ticket.state, ticket.finished_at = TicketState.DONE, now
        if visit is not None:
            await visiting.fulfil(session, visit, by=by, now=now)
    return await view_of(session, ticket)


async def skip(session: AsyncSession, command: Skip, *, by: Actor, now: datetime) -> TicketView:
    """Called, and nobody came. The ticket waits for nothing until it is put back.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "skip", by=by, now=now) as (_, ticket):
        ticket.state = TicketState.SKIPPED
    return await view_of(session, ticket)


async def put_back(session: AsyncSession, command: PutBack, *, by: Actor, now: datetime) -> TicketView:
    """Back into the line, ordered by this moment; whoever had left and came again, too.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "put_back", by=by, now=now) as (_, ticket):
        ticket.state, ticket.requeued_at, ticket.in_room_at = TicketState.WAITING, now, None
        ticket.tested_at, ticket.finished_at = None, None
    return await view_of(session, ticket)


async def leave(session: AsyncSession, command: Leave, *, by: Actor, now: datetime) -> TicketView:
    """Went away before the visit. The appointment stays arrived: whoever came is never one who did not come.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "leave", by=by, now=now) as (visit, ticket):
        ticket.state, ticket.finished_at = TicketState.LEFT, now
        await texting.call_near_back(session, visit, now=now)
    return await view_of(session, ticket)


async def verify_priority(session: AsyncSession, command: VerifyPriority, *, by: Actor, now: datetime) -> TicketView:
    """From now on a class of priority counts, or does not.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "verify", by=by, now=now) as (_, ticket):
        ticket.priority_verified, ticket.priority_reason = command.priority, command.reason
    return await view_of(session, ticket)


async def transfer(session: AsyncSession, command: Transfer, *, by: Actor, now: datetime) -> TicketView:
    """Into the line of another service or of a room, which is opened for it; number and arrival stay.

    Raises:
        TicketUnknown, TicketMoved, ServiceUnknown, RoomUnknown.
        AnotherDay: the number is not of today.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    to = await lines.opened(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    async with step(session, command, "transfer", by=by, now=now, also=to.id) as (visit, ticket):
        check_day(ticket.day, to.day)  # its number may stand in that line already
        ticket.queue_id, ticket.state, ticket.in_room_at = to.id or 0, TicketState.WAITING, None
        await texting.call_near_back(session, visit, now=now)  # in another line it may be far
    return await view_of(session, ticket)


async def open_room_line(session: AsyncSession, command: OpenRoomLine, *, by: Actor, now: datetime) -> None:
    """Give a room a line of its own today: check-ins for it and its calls use that one from now on.

    Raises:
        FacilityUnknown, ServiceUnknown, RoomUnknown.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    line = await lines.opened(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    record(session, "queue.open_room_line", "queue", line.id, by=by, now=now)


async def say_late(session: AsyncSession, command: SayLate, *, by: Actor, now: datetime) -> int:
    """The session runs late, and everybody who waits is told so; by SMS, where chosen, who is not here: to how many.

    Raises:
        FormReused: the form's name stands for another act.
        FacilityUnknown, ServiceUnknown, RoomUnknown.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    line = await lines.line_for(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    assert line.id is not None
    line = (await lines.locked(session, line.id))[line.id]
    number = str(command.minutes)
    if await acts.repeated(session, command.facility, command.once, "late", number=number) is not None:
        return 0
    before = {"late_minutes": line.late_minutes, "said": now.isoformat()}
    before["late_said_at"] = None if line.late_said_at is None else line.late_said_at.isoformat()
    line.late_minutes, line.late_said_at = command.minutes, now
    acts.remember(
        session, "late", facility_id=line.facility_id, before=before, by=by, now=now, once=command.once,
        line_id=line.id, number=number,
    )  # fmt: skip
    texted = await texting.tell_late(session, line, command.minutes, text=command.text, now=now)
    record(session, "queue.say_late", "queue", line.id, by=by, now=now, minutes=command.minutes, texted=texted)
    about = lines.topic(line.facility_id, line.day, line.service_id)
    tell(session, about, now=now, what="late", minutes=command.minutes)
    return texted
