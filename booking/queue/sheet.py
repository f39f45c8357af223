"""A service's day as the desk works with it: who waits in which line, is called, was passed over, is still expected.

It names people, so only staff within the scope are shown it. Columns and no rows of the ORM: there may be 500 people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing.asking import is_off
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.availability.models import Session
from booking.directory.models import Room, Service
from booking.patients.kinds import PriorityClass
from booking.patients.models import Patient
from booking.queue.estimating import Band
from booking.queue.foreseeing import Hours, bands
from booking.queue.kinds import TicketState
from booking.queue.missing import missed_before
from booking.queue.models import Queue, QueueTicket
from booking.queue.queries import planned
from booking.queue.rules import Policy, Turn, Waiting, label, order
from booking.queue.views import Board, Held, Line


@dataclass(frozen=True, slots=True)
class Person:
    """One row. `key` is the number as printed, or the booking code of somebody who is still expected.

    `missed` counts earlier visits here she did not come to; `noshow` says that of today's visit. `off`: her time does
    not take place, so nobody waits for her. `called_by` is the id of the account that called her.
    """

    key: str
    ticket: UUID | None
    state: TicketState | None
    name: str | None
    birth_year: int | None
    claimed: PriorityClass | None
    verified: PriorityClass | None
    starts_at: datetime | None
    ends_at: datetime | None
    arrived_at: datetime | None = None
    called_at: datetime | None = None
    room: str | None = None
    room_id: int | None = None
    calls: int = 0
    emergency: bool = False
    tested: bool = False
    missed: int = 0
    noshow: bool = False
    off: bool = False
    called_by: str | None = None


@dataclass(frozen=True, slots=True)
class LineHead:
    """A line: of a room (`room`), or the service's."""

    id: int
    room_id: int | None
    room: str | None
    streak: int
    late_minutes: int | None
    late_said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The day. `waiting` is by line and in no order: `turns` makes it, told the time, and `bands` foretells it."""

    lines: Mapping[int, LineHead]
    waiting: Mapping[int, tuple[Waiting, ...]]
    people: Mapping[int, Person]
    called: tuple[Person, ...]
    aside: tuple[Person, ...]
    expected: tuple[Person, ...]
    board: Board
    hours: Hours

    @property
    def done(self) -> int:
        """How many were seen."""
        return sum(one.state is TicketState.DONE for one in self.board.tickets)

    def bands(self, *, now: datetime, policy: Policy) -> dict[str, Band]:
        """When everybody who waits may expect to be called, by the number as printed."""
        found = bands(self.board, self.hours, now=now, policy=policy)
        return {self.people[ticket].key: band for ticket, band in found.items()}

    def line_of(self, room_id: int | None) -> LineHead | None:
        """The line a room calls from: its own where it has one, else the service's; None before anybody came."""
        own = next((line for line in self.lines.values() if room_id is not None and line.room_id == room_id), None)
        return own or next((line for line in self.lines.values() if line.room_id is None), None)

    def turns(self, line_id: int, *, now: datetime, policy: Policy) -> list[tuple[Person, Turn]]:
        """Everybody who waits in a line, in the order of their turns, with why."""
        streak = self.lines[line_id].streak
        ordered = order(self.waiting.get(line_id, ()), now=now, policy=policy, streak=streak)
        return [(self.people[turn.id], turn) for turn in ordered]


TICKET: Final[tuple[Any, ...]] = (
    col(QueueTicket.id), col(QueueTicket.number), col(QueueTicket.arrived_at), col(QueueTicket.band_start),
    col(QueueTicket.band_end), col(QueueTicket.requeued_at), col(QueueTicket.priority_verified),
    col(QueueTicket.tested_at), col(QueueTicket.queue_id), col(QueueTicket.series), col(QueueTicket.public_id),
    col(QueueTicket.state), col(QueueTicket.priority_claimed), col(QueueTicket.called_at), col(QueueTicket.room_id),
    col(Room.name).label("room"), col(QueueTicket.calls), col(QueueTicket.emergency), col(QueueTicket.name),
    col(QueueTicket.birth_year), col(Patient.name).label("patient"), col(Patient.birth_year).label("patient_year"),
    col(QueueTicket.called_by),
)  # fmt: skip
_ENDED = (TicketState.DONE, TicketState.LEFT)
_AT_WORK = (TicketState.CALLED, TicketState.IN_ROOM)


async def sheet(session: AsyncSession, service_id: int, day: date) -> Sheet:
    """A service's day as it stands."""
    heads = await _heads(session, service_id, day)
    query = (
        select_columns(*TICKET)
        .outerjoin(Room, col(Room.id) == col(QueueTicket.room_id))
        .outerjoin(Patient, col(Patient.id) == col(QueueTicket.patient_id))
        .where(col(QueueTicket.queue_id).in_(heads), col(QueueTicket.state).not_in(_ENDED))
    )
    waiting: dict[int, list[Waiting]] = {line: [] for line in heads}
    people: dict[int, Person] = {}
    called: list[Person] = []
    aside: list[Person] = []
    held = await _seen(session, [*heads])
    for row in await session.execute(query):
        person = person_of(row)
        held.append(
            Held(
                row.queue_id, None, person.key, row.state, Waiting(*row[:8]), row.called_at, None, row.room_id, row.room
            )
        )
        if person.state is TicketState.WAITING:
            waiting[row.queue_id].append(held[-1].as_waiting)
            people[row.id] = person
        else:
            (called if person.state in _AT_WORK else aside).append(person)
    return Sheet(
        heads, {line: tuple(found) for line, found in waiting.items()}, people, _newest(called), _newest(aside),
        await _expected(session, service_id, day), await _board(session, service_id, day, heads, held),
        await _hours(session, service_id, day),
    )  # fmt: skip


async def _board(
    session: AsyncSession, service_id: int, day: date, heads: Mapping[int, LineHead], held: list[Held]
) -> Board:
    lines = {line.id: Line(line.id, line.streak, line.late_minutes, line.late_said_at) for line in heads.values()}
    duration = await session.scalar(select_columns(col(Service.duration_minutes)).where(col(Service.id) == service_id))
    return Board(lines, tuple(held), *await planned(session, service_id, day), duration or 15)


async def _hours(session: AsyncSession, service_id: int, day: date) -> Hours:
    query = (
        select_columns(col(Session.starts_at), col(Session.ends_at))
        .where(col(Session.service_id) == service_id, col(Session.day) == day)
        .order_by(col(Session.starts_at))
    )
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]


def _newest(people: list[Person]) -> tuple[Person, ...]:
    """Emergencies first, then whoever was called last."""
    by_call = sorted(people, key=lambda one: (one.called_at or one.arrived_at, one.key), reverse=True)
    return tuple(sorted(by_call, key=lambda one: not one.emergency))


async def _heads(session: AsyncSession, service_id: int, day: date) -> dict[int, LineHead]:
    query = (
        select_columns(
            col(Queue.id), col(Queue.room_id), col(Room.name), col(Queue.priority_streak), col(Queue.late_minutes),
            col(Queue.late_said_at),
        )
        .outerjoin(Room, col(Room.id) == col(Queue.room_id))
        .where(col(Queue.service_id) == service_id, col(Queue.day) == day)
        .order_by(col(Queue.room_id).is_not(None), col(Room.name))
    )  # fmt: skip
    rows: list[Any] = [*(await session.execute(query)).all()]
    return {row[0]: LineHead(*row) for row in rows}


def person_of(row: Any) -> Person:
    """A row of TICKET."""
    return Person(
        label(row.series, row.number), row.public_id, row.state, row.patient or row.name,
        row.patient_year or row.birth_year, row.priority_claimed, row.priority_verified, row.band_start, row.band_end,
        row.arrived_at, row.called_at, row.room, row.room_id, row.calls, row.emergency, row.tested_at is not None,
        called_by=row.called_by,
    )  # fmt: skip


_SEEN: Final[tuple[Any, ...]] = (
    *TICKET[:8], col(QueueTicket.queue_id), col(QueueTicket.series), col(QueueTicket.called_at),
    col(QueueTicket.finished_at), col(QueueTicket.room_id),
)  # fmt: skip
"""What the pace of a line needs of those who were seen: no name, which would have to be unsealed."""


async def _seen(session: AsyncSession, heads: list[int]) -> list[Held]:
    query = select_columns(*_SEEN).where(
        col(QueueTicket.queue_id).in_(heads), col(QueueTicket.state) == TicketState.DONE
    )
    return [
        Held(
            row.queue_id, None, label(row.series, row.number), TicketState.DONE, Waiting(*row[:8]), row.called_at,
            row.finished_at, row.room_id, None,
        )
        for row in await session.execute(query)
    ]  # fmt: skip


async def _expected(session: AsyncSession, service_id: int, day: date) -> tuple[Person, ...]:
    query = (
        select_columns(
            col(Appointment.code), col(Appointment.state), col(Appointment.starts_at), col(Appointment.ends_at),
            col(Patient.name), col(Patient.birth_year), col(Patient.priority_claimed), col(Patient.id),
            is_off(),
        )
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .where(
            col(Appointment.service_id) == service_id,
            col(Appointment.day) == day,
            col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.NOSHOW)),
        )
        .order_by(col(Appointment.starts_at), col(Patient.name_sort), col(Appointment.id))
    )  # fmt: skip
    rows: list[Any] = [*(await session.execute(query)).all()]
    facility = select_columns(col(Service.facility_id)).where(col(Service.id) == service_id).scalar_subquery()
    missed = await missed_before(session, facility, [row[7] for row in rows], day)
    return tuple(
        Person(
            row[0], None, None, row[4], row[5], row[6], None, row[2], row[3], missed=missed.get(row[7], 0),
            noshow=row[1] is AppointmentState.NOSHOW, off=row[1] is AppointmentState.BOOKED and row[8],
        )
        for row in rows
    )  # fmt: skip
