"""Whom the desk means: what was scanned or typed, and the visits of today it fits. Through the facility, always."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids
from booking.appointments.kinds import PROMISED, AppointmentState
from booking.appointments.models import Appointment
from booking.directory.models import Service
from booking.patients.cards import Trouble, is_card, read_card
from booking.patients.errors import PhoneRefused
from booking.patients.identity import citizen_mark
from booking.patients.models import Patient
from booking.patients.persons import index_of, last4_index, phone_index
from booking.patients.rules import read_phone
from booking.queue.kinds import TicketState
from booking.queue.missing import missed_before
from booking.queue.models import Queue, QueueTicket
from booking.queue.rules import label
from booking.text import fold

_LINK: Final = re.compile(rf"/[ht]/([{ids.CODE_ALPHABET}]{{{ids.CODE_LENGTH}}})(?:/|$)", re.IGNORECASE)
_CODE: Final = re.compile(rf"[{ids.CODE_ALPHABET}]{{{ids.CODE_LENGTH}}}")
_NUMBER: Final = re.compile(r"([A-Z]{1,2})0*([0-9]{1,4})")
_CITIZEN: Final = re.compile(r"[0-9]{12}")
_LAST: Final = re.compile(r"[0-9]{4}")
MOST: Final = 20
_SHORTEST: Final = 2


@dataclass(frozen=True, slots=True)
class Meant:
    """What a scan or a typed word may mean."""

    code: str | None = None
    number: tuple[str, int] | None = None
    phone: str | None = None
    last4: str | None = None
    citizen_id: str | None = None
    name: str | None = None
    birth_year: int | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A visit of today, or a ticket of somebody who came without one.

    `sure`: found by what names one visit or one person, and not by a name or a telephone that others have as well.
    """

    code: str | None
    ticket: UUID | None
    number: str | None
    state: TicketState | None
    name: str | None
    birth_year: int | None
    service: str
    service_name: str
    service_name_en: str
    starts_at: datetime | None
    patient: UUID | None
    noshow: bool = False
    missed: int = 0
    sure: bool = False

    @property
    def there(self) -> bool:
        """Whether she has checked in."""
        return self.ticket is not None


def read(raw: str) -> Meant:  # noqa: PLR0911  a list of what it may be, tried in order
    """What was scanned or typed: a card, the link on our slip, a booking code, a number, a telephone, a name."""
    if is_card(raw):
        card = read_card(raw)
        year = None if card.birth is None else card.birth.year
        return Meant(citizen_id=card.citizen_id, name=card.name, birth_year=year, trouble=card.trouble)
    text = " ".join(raw.split())
    link = _LINK.search(text)
    if link is not None:
        return Meant(code=link[1].upper())
    bare = re.sub(r"[ .-]", "", text).upper()
    if _CODE.fullmatch(bare) and not bare.isdigit():
        return Meant(code=bare, name=text)
    if _CITIZEN.fullmatch(bare):
        return Meant(citizen_id=bare)
    if _LAST.fullmatch(bare):
        return Meant(last4=bare)
    number = _NUMBER.fullmatch(bare)
    if number is not None:
        return Meant(number=(number[1], int(number[2])))
    try:
        return Meant(phone=read_phone(text).e164)
    except PhoneRefused:
        return Meant(name=text)


async def find(
    session: AsyncSession, facility_id: int, day: date, meant: Meant, *, training: bool = False
) -> list[Found]:
    """The visits and tickets of a facility's day that fit, at most 20; by code first, then by what else it may mean.

    `training`: it is a place to practise, whose people are known by keys of their own.
    """
    for where, sure in _ways(meant, training=training):
        found = await _visits(session, facility_id, day, where, sure=sure)
        if found:
            return found
    if meant.number is not None:
        return await _tickets(session, facility_id, day, meant.number)
    return []


def _ways(meant: Meant, *, training: bool) -> list[tuple[ColumnElement[bool], bool]]:
    """How to look, in the order of trying, each with whether what it finds is sure."""
    ways: list[tuple[ColumnElement[bool], bool]] = []
    if meant.code is not None:
        ways.append((col(Appointment.code) == meant.code, True))
    if meant.citizen_id is not None:
        marked = index_of(citizen_mark(meant.citizen_id), training=training)
        ways.append((col(Patient.citizen_id_index) == marked, True))
    if meant.phone is not None:
        ways.append((col(Patient.phone_index) == phone_index(meant.phone, training=training), False))
    if meant.last4 is not None:
        ways.append((col(Patient.phone_last4_index) == last4_index(meant.last4, training=training), False))
    if meant.name is not None and len(fold(meant.name)) >= _SHORTEST:
        ways.append((_named(meant, meant.name), False))
    return ways


def _named(meant: Meant, name: str) -> ColumnElement[bool]:
    """Every word stands in the name: whole as a card has it, or the beginning of one as somebody types it."""
    carded = meant.citizen_id is not None
    spaced = " " + col(Patient.name_folded) + " "
    fits = [spaced.contains(f" {word} " if carded else f" {word}", autoescape=True) for word in fold(name).split()]
    if meant.birth_year is not None:
        fits.append(col(Patient.birth_year) == meant.birth_year)
    if carded:  # its number was looked for before: a record with a number is somebody else's
        fits.append(col(Patient.citizen_id_index).is_(None))
    return and_(*fits)


_COLUMNS: Final[tuple[Any, ...]] = (
    col(Appointment.code), col(QueueTicket.public_id), col(QueueTicket.series), col(QueueTicket.number),
    col(QueueTicket.state), col(Patient.name), col(Patient.birth_year), col(Service.code).label("service"),
    col(Service.name).label("service_name"), col(Service.name_en), col(Appointment.starts_at),
    col(Patient.id).label("patient_id"), col(Patient.public_id).label("patient"),
    col(Appointment.state).label("visit_state"),
)  # fmt: skip


async def _visits(
    session: AsyncSession, facility_id: int, day: date, where: ColumnElement[bool], *, sure: bool
) -> list[Found]:
    query = (
        select_columns(*_COLUMNS)
        .select_from(Appointment)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .outerjoin(QueueTicket, col(QueueTicket.appointment_id) == col(Appointment.id))
        .where(
            col(Appointment.facility_id) == facility_id,
            col(Appointment.day) == day,
            col(Appointment.state).in_(PROMISED),
            where,
        )
        .order_by(col(Appointment.starts_at), col(Patient.name_sort))
        .limit(MOST)
    )
    rows = (await session.execute(query)).all()
    missed = await missed_before(session, facility_id, [row.patient_id for row in rows], day)
    return [_found(row, missed=missed.get(row.patient_id, 0), sure=sure) for row in rows]


async def _tickets(session: AsyncSession, facility_id: int, day: date, number: tuple[str, int]) -> list[Found]:
    query = (
        select_columns(*_COLUMNS, col(QueueTicket.name).label("said"), col(QueueTicket.birth_year).label("said_year"))
        .select_from(QueueTicket)
        .join(Queue, col(Queue.id) == col(QueueTicket.queue_id))
        .join(Service, col(Service.id) == col(Queue.service_id))
        .outerjoin(Appointment, col(Appointment.id) == col(QueueTicket.appointment_id))
        .outerjoin(Patient, col(Patient.id) == col(QueueTicket.patient_id))
        .where(
            col(QueueTicket.facility_id) == facility_id,
            col(QueueTicket.day) == day,
            col(QueueTicket.series) == number[0],
            col(QueueTicket.number) == number[1],
        )
    )
    return [_found(row, row.said, row.said_year) for row in await session.execute(query)]


def _found(
    row: Any, said: str | None = None, said_year: int | None = None, *, missed: int = 0, sure: bool = False
) -> Found:
    return Found(
        row[0], row[1], None if row[1] is None else label(row[2], row[3]), row[4], row[5] or said,
        row[6] or said_year, row.service, row.service_name, row.name_en, row.starts_at, row.patient,
        row.visit_state is AppointmentState.NOSHOW, missed, sure,
    )  # fmt: skip
