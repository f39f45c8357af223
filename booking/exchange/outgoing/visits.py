"""Reads of what may be told: a facility's own visits, with those personal values that its terms name and no others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Result, Row, Select, any_, bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.models import Appointment
from booking.availability.models import Session, Slot
from booking.clock import local_day
from booking.directory.models import Practitioner, Room, Service
from booking.exchange.outgoing.models import OutTold
from booking.exchange.outgoing.rules import HOLDING, Named, Visit
from booking.exchange.rules import Span
from booking.patients.models import Patient

_BEFORE: Final = {
    "name": Patient.name, "birth_date": Patient.birth_date, "sex": Patient.sex, "phone": Patient.phone,
    "citizen_id": Patient.citizen_id, "insurance_number": Patient.bhyt_number, "ward": Patient.ward,
    "guardian": Patient.guardian_name,
}  # fmt: skip
"""Which column each personal value stands in."""

_PORTION: Final = 1_000
# Written out, so that the planner sees that the index of those who hold a place has them.
_HOLDS: Final[ColumnElement[bool]] = literal_column(
    "appointment.state IN ({})".format(", ".join(f"'{state}'" for state in HOLDING))
)


async def holding(session: AsyncSession, facility_id: int, window: Span, personal: Sequence[str]) -> list[Visit]:
    """The visits of a facility that have their place and begin within a window, in no order.

    Found by their sessions and slots: appointments have no index by facility, and none more is to be kept up to date
    by every booking.
    """
    days = (local_day(window[0]), local_day(window[1]))
    query = (
        _query(personal)
        .join(Session, col(Session.id) == col(Slot.session_id))
        .where(
            col(Session.facility_id) == facility_id,
            col(Session.day).between(*days),
            col(Appointment.facility_id) == facility_id,
            col(Appointment.starts_at) >= window[0],
            col(Appointment.starts_at) < window[1],
            _HOLDS,
        )
    )
    return await _visits(await session.execute(query), personal)


async def by_ids(session: AsyncSession, facility_id: int, ids: Sequence[int], personal: Sequence[str]) -> list[Visit]:
    """Visits of a facility by their rows, whatever became of them."""
    found: list[Visit] = []
    query = _query(personal).where(
        col(Appointment.id) == any_(bindparam("ids", type_=ARRAY(BigInteger))),
        col(Appointment.facility_id) == facility_id,
    )
    for begin in range(0, len(ids), _PORTION):
        found += await _visits(await session.execute(query, {"ids": list(ids[begin : begin + _PORTION])}), personal)
    return found


async def _visits(rows: Result[Any], personal: Sequence[str]) -> list[Visit]:
    """In a thread: to make 20,000 of them takes longer than a code may wait to be sent by this loop."""
    return await asyncio.to_thread(lambda: [_visit(row, personal) for row in rows])


async def told(session: AsyncSession, feed: str) -> dict[int, Mapping[str, Any]]:
    """What a hospital was last told of each visit."""
    query = select(col(OutTold.appointment_id), col(OutTold.said)).where(col(OutTold.feed) == feed)
    rows = await session.execute(query)
    return await asyncio.to_thread(lambda: {row.appointment_id: row.said for row in rows})


def _query(personal: Sequence[str]) -> Select[Any]:
    """What is not told is not even read."""
    columns: list[Any] = [
        col(Appointment.id), col(Appointment.slot_id), col(Appointment.public_id), col(Appointment.code),
        col(Appointment.state), col(Appointment.version), col(Appointment.starts_at), col(Appointment.ends_at),
        col(Practitioner.code).label("practitioner"), col(Practitioner.name).label("practitioner_name"),
        col(Room.code).label("room"), col(Room.name).label("room_name"),
        col(Service.code).label("service"), col(Service.name).label("service_name"),
    ]  # fmt: skip
    columns += [col(_BEFORE[name]).label(f"person_{name}") for name in personal]
    if personal:
        columns += [col(Patient.birth_year), col(Patient.erased_at)]
    query = (
        select(*columns)
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
    )
    if personal:
        query = query.join(Patient, col(Patient.id) == col(Appointment.patient_id))
    return query


def _visit(row: Row[Any], personal: Sequence[str]) -> Visit:
    return Visit(
        id=row.id, slot_id=row.slot_id, public_id=str(row.public_id), code=row.code, state=row.state.value,
        version=row.version, starts_at=row.starts_at, ends_at=row.ends_at,
        practitioner=Named(row.practitioner, row.practitioner_name) if row.practitioner else None,
        room=Named(row.room, row.room_name) if row.room else None,
        service=Named(row.service, row.service_name), person=_person(row, personal),
    )  # fmt: skip


def _person(row: Row[Any], personal: Sequence[str]) -> dict[str, str]:
    """Personal values as text; what is not known, or was to be forgotten, is left out."""
    found: dict[str, str] = {}
    if personal and row.erased_at is not None:
        return found
    for name in personal:
        value = getattr(row, f"person_{name}")
        if name == "birth_date":
            value = value.isoformat() if value else str(row.birth_year)
        elif name == "phone" and value:
            value = f"0{value.removeprefix('+84')}" if value.startswith("+84") else value
        if value:
            found[name] = str(value)
    return found
