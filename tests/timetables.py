"""Small timetables for tests: one facility, one service, weekly sessions of a doctor or a room."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Slot, SlotClosure, WeeklySession
from booking.directory.kinds import FacilityKind, FacilityState, Payment
from booking.directory.models import Facility, Practitioner, Room, Service

MONDAY = date(2026, 11, 23)
BEFORE = datetime(2026, 11, 22, 17, tzinfo=UTC)
"""Midnight of that Monday at the facility, in UTC."""


@dataclass(frozen=True)
class Place:
    """Ids of a facility and what it has."""

    facility: int
    service: int
    doctor: int
    room: int


async def place(session: AsyncSession, code: str = "X1", *, lead: int = 60, horizon: int = 30) -> Place:
    """A facility with one service, one doctor (code `doc`) and one room (code `P1`)."""
    facility = Facility(
        code=code, kind=FacilityKind.HEALTH_STATION, state=FacilityState.OPEN, name=code, name_en=code, sms_name=code,
        confirmed=True, search_key=code.lower(), sort_key=code,
    )  # fmt: skip
    session.add(facility)
    await session.flush()
    assert facility.id
    service = Service(
        facility_id=facility.id, code="kham", name="Khám", name_en="Visit", sms_label="Kham benh", duration_minutes=30,
        bring="", bring_en="", payment=Payment.FREE, lead_minutes=lead, horizon_days=horizon, cancel_minutes=120,
        bookable=True, confirmed=True, sort_key="kham",
    )  # fmt: skip
    doctor = Practitioner(facility_id=facility.id, code="doc", name="Bác sĩ Mẫu", sample=True)
    room = Room(facility_id=facility.id, code="P1", name="Phòng số 1")
    session.add_all([service, doctor, room])
    await session.flush()
    assert service.id
    assert doctor.id
    assert room.id
    return Place(facility.id, service.id, doctor.id, room.id)


async def weekly(
    session: AsyncSession,
    at: Place,
    hours: tuple[str, str] = ("08:00", "10:00"),
    *,
    weekday: int = 0,
    minutes: int = 30,
    capacity: int = 1,
    reserved: int = 0,
    release: int = 0,
    doctor: bool = True,
    first: date = MONDAY,
    last: date | None = None,
) -> WeeklySession:
    """A weekly session of the place's doctor, or of its room."""
    made = WeeklySession(
        facility_id=at.facility, service_id=at.service, practitioner_id=at.doctor if doctor else None,
        room_id=None if doctor else at.room, weekday=weekday, starts=time.fromisoformat(hours[0]),
        ends=time.fromisoformat(hours[1]), slot_minutes=minutes, capacity=capacity, reserved=reserved,
        release_minutes=release, valid_from=first, valid_to=last,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    return made


def day_row(kind: DayKind, day: date, facility: int | None = None, works_as: int | None = None) -> CalendarDay:
    """A row of the calendar."""
    return CalendarDay(facility_id=facility, day=day, kind=kind, works_as=works_as, name="Ngày mẫu", name_en="Sample")


async def slots(session: AsyncSession, facility: int | None = None) -> list[Slot]:
    """All slots by start, as they are in the database now."""
    query = select(Slot).order_by(col(Slot.starts_at), col(Slot.id)).execution_options(populate_existing=True)
    if facility is not None:
        query = query.where(col(Slot.facility_id) == facility)
    return list((await session.scalars(query)).all())


async def closures(session: AsyncSession) -> set[tuple[int, str, str]]:
    """Every closure as (slot, source, reason)."""
    query = select(col(SlotClosure.slot_id), col(SlotClosure.source), col(SlotClosure.reason))
    return set((await session.execute(query)).all())


async def give_away(session: AsyncSession, slot: Slot) -> None:
    """Count one place of a slot as promised, without an appointment."""
    await session.execute(
        Slot.__table__.update()  # type: ignore[attr-defined]
        .where(col(Slot.id) == slot.id)
        .values(taken=1, free_places=func.trim_array(col(Slot.free_places), 1))
    )
