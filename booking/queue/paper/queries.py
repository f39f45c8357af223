"""The sheet of a facility's day: everybody who is booked, and everybody who came without booking.

It names people and their telephones, so only staff within the scope are shown it. Columns and no rows of the ORM.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import null
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing.asking import is_off
from booking.appointments.kinds import PROMISED, AppointmentState
from booking.appointments.models import Appointment
from booking.availability.models import Slot
from booking.clock import day_bounds
from booking.directory.models import Room, Service
from booking.patients.kinds import PriorityClass
from booking.patients.models import Patient
from booking.patients.rules import Birth, class_by_age
from booking.queue.kinds import ENDED, TicketState
from booking.queue.models import Queue, QueueTicket
from booking.queue.paper.rules import mark
from booking.queue.rules import label


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody of the day.

    Attributes:
        key: names the row: the booking code, or the number of who came without booking.
        code: of the booking; None for who came without.
        number: as printed; None before check-in.
        paper_number: the one handed on paper while there was no net.
        priority: what staff verified, else what was said or follows from the age; `verified` says which.
        was: the mark of how she stands, see rules.mark.
        off: her time does not take place, and she was not given another one yet.
    """

    key: str
    code: str | None
    ticket: UUID | None
    number: str | None
    paper_number: str | None
    name: str | None
    birth_year: int | None
    phone: str | None
    priority: PriorityClass | None
    verified: bool
    starts_at: datetime | None
    ends_at: datetime | None
    visit: AppointmentState | None
    state: TicketState | None
    arrived_at: datetime | None
    called_at: datetime | None
    finished_at: datetime | None
    was: str
    off: bool

    @property
    def settled(self) -> bool:
        """Whether it is known what became of her."""
        if self.state is not None:
            return self.state in ENDED
        return self.visit in (AppointmentState.NOSHOW, AppointmentState.FULFILLED)

    @property
    def missed(self) -> bool:
        """Whether the desk said that she did not come."""
        return self.state is None and self.visit is AppointmentState.NOSHOW


@dataclass(frozen=True, slots=True)
class Part:
    """Those of one service and room, in the order of their times."""

    service: str
    service_name: str
    service_name_en: str
    room: str | None
    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """Of the service."""
        return self.service_name

    @property
    def name_en(self) -> str:
        """Of the service, in English."""
        return self.service_name_en

    def hours(self) -> Iterator[tuple[datetime | None, list[Entry]]]:
        """By the hour they are booked for; those without booking last, under None."""
        found: dict[datetime | None, list[Entry]] = {}
        for one in self.entries:
            hour = None if one.starts_at is None else one.starts_at.replace(minute=0, second=0, microsecond=0)
            found.setdefault(hour, []).append(one)
        yield from found.items()


_TICKET: Final[tuple[Any, ...]] = (
    col(QueueTicket.public_id), col(QueueTicket.series), col(QueueTicket.number), col(QueueTicket.paper_number),
    col(QueueTicket.state).label("ticket_state"), col(QueueTicket.priority_verified),
    col(QueueTicket.priority_claimed).label("said"), col(QueueTicket.arrived_at), col(QueueTicket.called_at),
    col(QueueTicket.finished_at), col(QueueTicket.version), col(QueueTicket.name).label("said_name"),
    col(QueueTicket.birth_year).label("said_year"), col(QueueTicket.phone).label("said_phone"),
)  # fmt: skip
_PERSON: Final[tuple[Any, ...]] = (
    col(Patient.name), col(Patient.birth_year), col(Patient.birth_date), col(Patient.phone),
    col(Patient.priority_claimed).label("claimed"),
)  # fmt: skip
_PLACE: Final[tuple[Any, ...]] = (
    col(Service.code).label("service"), col(Service.name).label("service_name"), col(Service.name_en),
    col(Service.sort_key), col(Room.name).label("room"),
)  # fmt: skip


async def parts_of(session: AsyncSession, facility_id: int, day: date) -> list[Part]:
    """The whole day of a facility, by service and room."""
    since, until = day_bounds(day)
    booked = (
        select_columns(
            col(Appointment.code), col(Appointment.state).label("visit"), col(Appointment.starts_at),
            col(Appointment.ends_at), is_off().label("off"), *_TICKET, *_PERSON, *_PLACE,
        )
        .select_from(Appointment)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .join(Service, col(Service.id) == col(Slot.service_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .outerjoin(QueueTicket, col(QueueTicket.appointment_id) == col(Appointment.id))
        .where(
            # By service and moment: that is what slots have an index of.
            col(Service.facility_id) == facility_id, col(Slot.starts_at) >= since, col(Slot.starts_at) < until,
            col(Appointment.state).in_(PROMISED),
        )
        .order_by(col(Appointment.starts_at), col(Patient.name_sort), col(Appointment.id))
    )  # fmt: skip
    without = (
        select_columns(
            null().label("code"), null().label("visit"), null().label("starts_at"), null().label("ends_at"),
            null().label("off"), *_TICKET, *_PERSON, *_PLACE,
        )
        .select_from(QueueTicket)
        .join(Queue, col(Queue.id) == col(QueueTicket.queue_id))
        .join(Service, col(Service.id) == col(Queue.service_id))
        .outerjoin(Room, col(Room.id) == col(Queue.room_id))
        .outerjoin(Patient, col(Patient.id) == col(QueueTicket.patient_id))
        .where(
            col(Queue.facility_id) == facility_id, col(Queue.day) == day, col(QueueTicket.appointment_id).is_(None)
        )
        .order_by(col(QueueTicket.arrived_at), col(QueueTicket.id))
    )  # fmt: skip
    rows = [*(await session.execute(booked)).all(), *(await session.execute(without)).all()]
    found: dict[tuple[Any, ...], list[Entry]] = {}
    for row in rows:
        key = (row.sort_key, row.service, row.service_name, row.name_en, row.room)
        found.setdefault(key, []).append(_entry(row, day))
    ordered = sorted(found.items(), key=lambda one: (one[0][0], one[0][1], one[0][4] or ""))
    return [Part(key[1], key[2], key[3], key[4], tuple(entries)) for key, entries in ordered]


def _entry(row: Any, day: date) -> Entry:
    number = None if row.public_id is None else label(row.series, row.number)
    by_age = None if row.birth_year is None else class_by_age(Birth(row.birth_year, row.birth_date), day)
    return Entry(
        row.code or number or "", row.code, row.public_id, number, row.paper_number, row.name or row.said_name,
        row.birth_year or row.said_year, row.phone or row.said_phone,
        row.priority_verified or row.said or row.claimed or by_age, row.priority_verified is not None, row.starts_at,
        row.ends_at, row.visit, row.ticket_state, row.arrived_at, row.called_at, row.finished_at,
        mark(None if row.visit is None else row.visit.value, row.version),
        off=bool(row.off) and row.visit is AppointmentState.BOOKED,
    )  # fmt: skip
