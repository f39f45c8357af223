"""What doors show of the queue: one ticket, and the whole of a service's day from which every ticket's turn follows."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.availability.models import Session, Slot
from booking.directory.models import Room, Service
from booking.queue.kinds import TicketState
from booking.queue.models import Queue, QueueTicket
from booking.queue.rules import Waiting, label
from booking.queue.views import Board, Held, Line, TicketView, Visit

Times = tuple[tuple[datetime, datetime, int], ...]


async def view_of(session: AsyncSession, ticket: QueueTicket) -> TicketView:
    """The ticket with its room's name."""
    room = None if ticket.room_id is None else await session.get(Room, ticket.room_id)
    return TicketView(
        ticket.public_id,
        label(ticket.series, ticket.number),
        ticket.state,
        ticket.arrived_at,
        ticket.called_at,
        room.name if room is not None else None,
    )


_WAITING = (
    col(QueueTicket.id),
    col(QueueTicket.number),
    col(QueueTicket.arrived_at),
    col(QueueTicket.band_start),
    col(QueueTicket.band_end),
    col(QueueTicket.requeued_at),
    col(QueueTicket.priority_verified),
    col(QueueTicket.tested_at),
)
"""The members of Waiting. Columns and no rows of the ORM: a line may have 500 tickets, and a call reads them all."""

_HELD = (
    col(QueueTicket.queue_id),
    col(QueueTicket.appointment_id),
    col(QueueTicket.series),
    col(QueueTicket.state),
    col(QueueTicket.called_at),
    col(QueueTicket.finished_at),
    col(QueueTicket.room_id),
    col(Room.name),
)


async def waiting_in(session: AsyncSession, line_id: int) -> list[Waiting]:
    """Everybody who waits in a line."""
    query = select_columns(*_WAITING).where(
        col(QueueTicket.queue_id) == line_id, col(QueueTicket.state) == TicketState.WAITING
    )
    found: list[Any] = [*(await session.execute(query)).all()]
    return [Waiting(*row) for row in found]


async def visit_of(session: AsyncSession, code: str) -> Visit | None:
    """The visit of a code that its token has opened already; None for a hold."""
    query = (
        select(Appointment, Session)
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .join(Session, col(Session.id) == col(Slot.session_id))
        .where(col(Appointment.code) == code)
    )
    row = (await session.execute(query)).first()
    if row is None or row[0].state in (AppointmentState.HELD, AppointmentState.LAPSED):
        return None
    visit, held_in = row
    assert visit.id is not None
    assert visit.day is not None
    return Visit(
        visit.id, visit.facility_id, visit.service_id, visit.day, visit.starts_at, visit.ends_at, visit.state,
        opens=held_in.starts_at, closes=held_in.ends_at,
    )  # fmt: skip


async def board(session: AsyncSession, service_id: int, day: date) -> Board:
    """A service's day as it stands."""
    found = await session.scalars(select(Queue).where(col(Queue.service_id) == service_id, col(Queue.day) == day))
    lines = {
        line.id: Line(line.id, line.priority_streak, line.late_minutes, line.late_said_at)
        for line in found
        if line.id is not None
    }
    query = (
        select_columns(*_WAITING, *_HELD)
        .outerjoin(Room, col(Room.id) == col(QueueTicket.room_id))
        .where(col(QueueTicket.queue_id).in_(lines))
    )
    tickets = tuple(_held(list(row)) for row in await session.execute(query))
    slots, coming = await planned(session, service_id, day)
    duration = await session.scalar(select(Service.duration_minutes).where(col(Service.id) == service_id))
    return Board(lines, tickets, slots, coming, duration or 15)


def _held(row: list[Any]) -> Held:
    """A row of _WAITING and _HELD."""
    waiting = Waiting(*row[: len(_WAITING)])
    line, appointment, series, *rest = row[len(_WAITING) :]
    state, called_at, finished_at, room_id, room = rest
    shown = label(series, waiting.number)
    return Held(line, appointment, shown, state, waiting, called_at, finished_at, room_id, room)


async def planned(session: AsyncSession, service_id: int, day: date) -> tuple[Times, Times]:
    """Of a service's day: times that are open or promised, with their places; and those that still expect patients."""
    expected = func.count(col(Appointment.id))
    query = (
        select(col(Slot.starts_at), col(Slot.ends_at), col(Slot.capacity), expected)
        .outerjoin(
            Appointment,
            (col(Appointment.slot_id) == col(Slot.id)) & (col(Appointment.state) == AppointmentState.BOOKED),
        )
        .where(col(Slot.service_id) == service_id, col(Slot.day) == day)
        .where(col(Slot.open) | (col(Slot.taken) > 0))
        .group_by(col(Slot.id))
    )
    rows = (await session.execute(query)).all()
    return tuple((row[0], row[1], row[2]) for row in rows), tuple((row[0], row[1], row[3]) for row in rows if row[3])
