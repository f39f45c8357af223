"""What the desk reads of clashes: who is booked, what the hospital's software says, and whom to tell it of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments import for_others
from booking.appointments.for_others import Free
from booking.appointments.models import Appointment
from booking.availability.models import Slot
from booking.directory.models import Practitioner, Room, Service
from booking.exchange.kinds import ClashKind, ConflictAnswer, ConflictState
from booking.exchange.models import Conflict, FeedRow
from booking.exchange.queries import LIVE
from booking.patients.models import Patient

MOST: Final = 100
_TIMES: Final = 6


@dataclass(frozen=True, slots=True)
class Row:
    """What the hospital's software says of a time: a row of its export, without anybody's name."""

    key: str
    starts_at: datetime
    ends_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Clash:
    """Both sides of a clash: the visit, and the rows that take its time (none: only the absence of an offer does)."""

    id: int
    feed: str
    opened_at: datetime
    told_at: datetime | None
    code: str
    patient: UUID
    name: str
    phone: str | None
    starts_at: datetime
    service_id: int
    service: Service
    practitioner: str | None
    room: str | None
    rows: tuple[Row, ...]
    kind: ClashKind = ClashKind.TAKEN


async def unanswered(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Clash]:
    """The clashes somebody has to answer, the nearest visit first."""
    return await _read(session, facility_id, ConflictState.OPEN, now=now)


async def kept(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Clash]:
    """Visits that stand though the hospital's software gave their time away, until they are over."""
    return await _read(session, facility_id, ConflictState.SETTLED, now=now, answer=ConflictAnswer.KEPT)


async def asked(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Clash]:
    """Whoever was asked to choose another time and has not answered."""
    return await _read(session, facility_id, ConflictState.SETTLED, now=now, answer=ConflictAnswer.ASKED)


async def count(session: AsyncSession, facility_id: int) -> int:
    """How many clashes somebody has to answer."""
    wanted = (col(Conflict.facility_id) == facility_id, col(Conflict.state) == ConflictState.OPEN)
    return await session.scalar(select(func.count()).select_from(Conflict).where(*wanted)) or 0


async def free_times(session: AsyncSession, clashes: Sequence[Clash], *, now: datetime) -> dict[int, list[Free]]:
    """The earliest free times per service, to move somebody to with one click."""
    services = {clash.service_id for clash in clashes}
    return {each: await for_others.earliest(session, each, now=now, most=_TIMES) for each in services}


async def _read(
    session: AsyncSession,
    facility_id: int,
    state: ConflictState,
    *,
    now: datetime,
    answer: ConflictAnswer | None = None,
) -> list[Clash]:
    query = (
        select(Conflict, Appointment, Patient, Service, col(Practitioner.name), col(Room.name))
        .join(Appointment, col(Appointment.id) == col(Conflict.appointment_id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .join(Slot, col(Slot.id) == col(Conflict.slot_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(
            col(Conflict.facility_id) == facility_id,
            col(Conflict.state) == state,
            col(Appointment.slot_id) == col(Conflict.slot_id),
            col(Appointment.state).in_(LIVE),
            col(Appointment.ends_at) > now,
        )
        .order_by(col(Appointment.starts_at), col(Conflict.id))
        .limit(MOST)
    )
    if answer is not None:
        query = query.where(col(Conflict.answer) == answer)
    found = (await session.execute(query)).all()
    rows = await _rows(session, [each[0] for each in found])
    return [
        Clash(
            clash.id or 0, clash.feed, clash.opened_at, clash.told_at, visit.code, patient.public_id, patient.name,
            patient.phone, visit.starts_at, visit.service_id, service, practitioner, room,
            tuple(rows[clash.feed, key] for key in clash.row_keys if (clash.feed, key) in rows), clash.kind,
        )
        for clash, visit, patient, service, practitioner, room in found
    ]  # fmt: skip


async def _rows(session: AsyncSession, clashes: Sequence[Conflict]) -> dict[tuple[str, str], Row]:
    keys = {key for clash in clashes for key in clash.row_keys}
    feeds = {clash.feed for clash in clashes}
    if not keys:
        return {}
    query = select(FeedRow).where(col(FeedRow.feed).in_(feeds), col(FeedRow.row_key).in_(keys))
    return {
        (row.feed, row.row_key): Row(row.row_key, row.starts_at, row.ends_at, row.state_text)
        for row in await session.scalars(query)
    }
