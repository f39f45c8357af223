"""What the desk asks for beside the sheet: services and rooms of a facility, and one ticket by itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from booking.appointments.kinds import PROMISED
from booking.appointments.models import Appointment
from booking.availability.models import Session, Slot
from booking.directory.models import Facility, Room, Service
from booking.patients.models import Patient
from booking.queue.errors import TicketUnknown
from booking.queue.kinds import TicketState
from booking.queue.models import Queue, QueueTicket
from booking.queue.sheet import TICKET, Person, person_of


@dataclass(frozen=True, slots=True)
class ServiceToday:
    """A service of the facility, and how many wait for it today."""

    id: int
    code: str
    name: str
    name_en: str
    waiting: int


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session in which somebody examines today; `room` is its code, `booked` how many visits stand in it."""

    facility: str
    room: str | None
    room_name: str | None
    service: str
    name: str
    name_en: str
    starts_at: datetime
    ends_at: datetime
    booked: int


async def own_sessions(
    session: AsyncSession, practitioner_id: int, facilities: Collection[str], day: date
) -> list[OwnSession]:
    """The sessions of a practitioner on a day at the facilities, by time."""
    visits = (
        select_columns(func.count(col(Appointment.id)))
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .where(col(Slot.session_id) == col(Session.id), col(Appointment.state).in_(PROMISED))
        .correlate(Session)
        .scalar_subquery()
    )
    query = (
        select_columns(
            col(Facility.code), col(Room.code), col(Room.name), col(Service.code), col(Service.name),
            col(Service.name_en), col(Session.starts_at), col(Session.ends_at), visits,
        )
        .select_from(Session)
        .join(Facility, col(Facility.id) == col(Session.facility_id))
        .join(Service, col(Service.id) == col(Session.service_id))
        .outerjoin(Room, col(Room.id) == col(Session.room_id))
        .where(
            col(Session.practitioner_id) == practitioner_id, col(Session.day) == day, col(Facility.code).in_(facilities)
        )
        .order_by(col(Session.starts_at), col(Session.id))
    )  # fmt: skip
    rows: list[Any] = [*(await session.execute(query)).all()]
    return [OwnSession(*row) for row in rows]


async def services_at(session: AsyncSession, facility_id: int, day: date) -> list[ServiceToday]:
    """A facility's services in the order of their names."""
    query = (
        select_columns(
            col(Service.id), col(Service.code), col(Service.name), col(Service.name_en), func.count(col(QueueTicket.id))
        )
        .outerjoin(Queue, (col(Queue.service_id) == col(Service.id)) & (col(Queue.day) == day))
        .outerjoin(
            QueueTicket,
            (col(QueueTicket.queue_id) == col(Queue.id)) & (col(QueueTicket.state) == TicketState.WAITING),
        )
        .where(col(Service.facility_id) == facility_id)
        .group_by(col(Service.id))
        .order_by(col(Service.sort_key), col(Service.id))
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    return [ServiceToday(*row) for row in rows]


async def rooms_at(session: AsyncSession, facility_id: int) -> list[Room]:
    """A facility's rooms."""
    return [
        *await session.scalars(
            select(Room).where(col(Room.facility_id) == facility_id, col(Room.active)).order_by(col(Room.name))
        )
    ]


async def services_in(session: AsyncSession, room_id: int, day: date) -> set[int]:
    """The services a room works for on a day: by the calendar, and by what was called to it."""
    planned = select_columns(col(Session.service_id)).where(col(Session.room_id) == room_id, col(Session.day) == day)
    called = (
        select_columns(col(Queue.service_id))
        .outerjoin(QueueTicket, col(QueueTicket.queue_id) == col(Queue.id))
        .where(col(Queue.day) == day, or_(col(QueueTicket.room_id) == room_id, col(Queue.room_id) == room_id))
    )
    return {*await session.scalars(planned), *await session.scalars(called)}


@dataclass(frozen=True, slots=True)
class OneTicket:
    """A ticket by itself, with whom it is of. `patient` is None for somebody who came without booking."""

    person: Person
    facility_name: str
    facility_name_en: str
    service: str
    service_name: str
    service_name_en: str
    room_line: str | None
    reason: str | None
    phone: str | None
    patient: UUID | None
    code: str | None
    day: date


async def one_ticket(session: AsyncSession, facility_id: int, ticket: UUID) -> OneTicket:
    """A facility's ticket.

    Raises:
        TicketUnknown: it has no such ticket.
    """
    line_room: Any = aliased(Room)
    query = (
        select_columns(
            *TICKET, col(Service.code).label("service"), col(Service.name).label("service_name"),
            col(Service.name_en).label("service_name_en"), line_room.name.label("room_line"),
            col(QueueTicket.priority_reason), col(QueueTicket.phone).label("said_phone"),
            col(Patient.phone).label("patient_phone"), col(Patient.public_id).label("patient_public"),
            col(Appointment.code), col(QueueTicket.day), col(Facility.name).label("facility_name"),
            col(Facility.name_en).label("facility_name_en"),
        )
        .select_from(QueueTicket)
        .join(Queue, col(Queue.id) == col(QueueTicket.queue_id))
        .join(Service, col(Service.id) == col(Queue.service_id))
        .join(Facility, col(Facility.id) == col(QueueTicket.facility_id))
        .outerjoin(line_room, line_room.id == col(Queue.room_id))
        .outerjoin(Room, col(Room.id) == col(QueueTicket.room_id))
        .outerjoin(Patient, col(Patient.id) == col(QueueTicket.patient_id))
        .outerjoin(Appointment, col(Appointment.id) == col(QueueTicket.appointment_id))
        .where(col(QueueTicket.public_id) == ticket, col(QueueTicket.facility_id) == facility_id)
    )  # fmt: skip
    found: Any = (await session.execute(query)).first()
    if found is None:
        raise TicketUnknown
    return OneTicket(
        person_of(found), found.facility_name, found.facility_name_en, found.service, found.service_name,
        found.service_name_en, found.room_line, found.priority_reason, found.patient_phone or found.said_phone,
        found.patient_public, found.code, found.day,
    )  # fmt: skip
