"""What does not go the straight way from arrival to the room: tests, emergencies, those who did not come.

Beside service.py, by the same rules: each writes its audit, its live event and what undoes it.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import visiting
from booking.clock import local_day
from booking.queue import acts, lines
from booking.queue.commands import CallEmergency, FromTests, MarkNoShow, ToTests
from booking.queue.errors import FormReused
from booking.queue.kinds import TicketState
from booking.queue.missing import check_missable
from booking.queue.models import QueueTicket
from booking.queue.queries import view_of
from booking.queue.rules import EMERGENCIES
from booking.queue.steps import noted, step
from booking.queue.views import TicketView
from booking.trail.live import tell


async def to_tests(session: AsyncSession, command: ToTests, *, by: Actor, now: datetime) -> TicketView:
    """Seen, and sent for tests: waits for nothing until she is back from them.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "to_tests", by=by, now=now) as (_, ticket):
        ticket.state, ticket.tested_at, ticket.in_room_at = TicketState.AT_TESTS, now, None
    return await view_of(session, ticket)


async def from_tests(session: AsyncSession, command: FromTests, *, by: Actor, now: datetime) -> TicketView:
    """Back from tests: in line by when she was first called, so before those who came after her.

    Raises:
        TicketUnknown, TicketMoved.
    """
    async with step(session, command, "from_tests", by=by, now=now) as (_, ticket):
        ticket.state, ticket.requeued_at = TicketState.WAITING, ticket.called_at
    return await view_of(session, ticket)


async def call_emergency(session: AsyncSession, command: CallEmergency, *, by: Actor, now: datetime) -> TicketView:
    """An emergency stands in no line: recorded and called in one act. The same form again changes nothing.

    Raises:
        FacilityUnknown, ServiceUnknown, RoomUnknown.
        FormReused: the form's name stands for somebody who came without booking.
    """
    service = await lines.service_at(session, command.facility, command.service)
    assert service.id is not None
    room_id = await lines.room_at(session, service.facility_id, command.room)
    line = await lines.line_for(session, service.facility_id, service.id, room_id, local_day(now), now=now)
    assert line.id is not None
    line_id = line.id
    line = (await lines.locked(session, line_id))[line_id]
    there = await session.scalar(
        select(QueueTicket).where(
            col(QueueTicket.public_id) == command.ticket, col(QueueTicket.facility_id) == service.facility_id
        )
    )
    if there is not None:
        if not there.emergency:
            raise FormReused
        return await view_of(session, there)
    number = await lines.next_number(session, line, EMERGENCIES)
    ticket = QueueTicket(
        public_id=command.ticket, queue_id=line_id, facility_id=line.facility_id, day=line.day, series=EMERGENCIES,
        number=number, state=TicketState.CALLED, arrived_at=now, called_at=now, calls=1, room_id=room_id,
        emergency=True, called_by=by.id,
    )  # fmt: skip
    session.add(ticket)
    return await noted(session, line, ticket, "emergency", by=by, now=now, before={"new": True})


async def mark_no_show(session: AsyncSession, command: MarkNoShow, *, by: Actor, now: datetime) -> None:
    """The booked time is over, and the patient has not come. Somebody says so; no clock ever does.

    Raises:
        AppointmentUnknown: no such visit at this facility.
        StillExpected: its time is not over.
        NotChangeable: she has arrived, the visit is over, or its time did not take place, so nobody missed it.
        FormReused: the form's name stands for another act.
    """
    visit = await visiting.visit_at(session, command.code, facility=command.facility)
    if await acts.repeated(session, command.facility, command.once, "no_show", number=visit.code) is not None:
        return
    await check_missable(session, visit, now=now)
    was = visit.state
    await visiting.miss(session, visit, by=by, now=now)
    if visit.state is was:
        return
    acts.remember(
        session, "no_show", facility_id=visit.facility_id, before={"visit": was.value}, by=by, now=now,
        once=command.once, visit=visit.id, number=visit.code,
    )  # fmt: skip
    about = lines.topic(visit.facility_id, local_day(visit.starts_at), visit.service_id)
    tell(session, about, now=now, what="no_show")
