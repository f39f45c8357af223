"""Reads of the timetable: frozen views."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Slot, WeeklySession
from booking.availability.rules import days_between
from booking.directory import queries as directory
from booking.directory.models import Facility, Practitioner, Room, Service

_PORTION = 5_000
"""So many slots are taken from the database at a time."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """One slot as hospital software sees it.

    Attributes:
        slot_id: the slot.
        codes: the practitioner's code and the room's, as far as the session has them.
        starts_at: UTC.
        ends_at: UTC, exclusive.
        open: whether it is open to booking now.
    """

    slot_id: int
    codes: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day on which a facility is closed, and what it is called."""

    day: date
    name: str
    name_en: str


_OFF = (DayKind.HOLIDAY, DayKind.SUBSTITUTED_DAY_OFF, DayKind.LOCAL_CLOSURE)


async def with_a_timetable(session: AsyncSession) -> list[str]:
    """Codes of the facilities that have, or once had, weekly sessions: of all others there is nothing to publish."""
    some = select(col(WeeklySession.facility_id))
    query = select(col(Facility.code)).where(col(Facility.id).in_(some)).order_by(col(Facility.id))
    return list(await session.scalars(query))


async def days_off(session: AsyncSession, facility_code: str, first: date, last: date) -> list[DayOff]:
    """Holidays and closures of a facility from `first` to `last`, both included, everybody's and its own.

    Its own word for a day is the one that counts: it may work on everybody's holiday.
    """
    query = (
        select(CalendarDay)
        .outerjoin(Facility, col(Facility.id) == col(CalendarDay.facility_id))
        .where(or_(col(CalendarDay.facility_id).is_(None), col(Facility.code) == facility_code))
        .where(col(CalendarDay.day).between(first, last))
        .order_by(col(CalendarDay.day), col(CalendarDay.facility_id).nulls_first())
    )
    counting = {row.day: row for row in (await session.scalars(query)).all()}
    return [DayOff(row.day, row.name, row.name_en) for row in counting.values() if row.kind in _OFF]


async def planned_days(
    session: AsyncSession, facility_code: str, service_code: str, first: date, last: date
) -> frozenset[date]:
    """The days from `first` to `last`, both included, with a weekly session of the service, days off among them."""
    query = (
        select(WeeklySession)
        .join(Service, col(Service.id) == col(WeeklySession.service_id))
        .join(Facility, col(Facility.id) == col(WeeklySession.facility_id))
        .where(col(Facility.code) == facility_code, col(Service.code) == service_code)
    )
    weekly = (await session.scalars(query)).all()
    made_up = (
        select(CalendarDay)
        .outerjoin(Facility, col(Facility.id) == col(CalendarDay.facility_id))
        .where(or_(col(CalendarDay.facility_id).is_(None), col(Facility.code) == facility_code))
        .where(col(CalendarDay.day).between(first, last), col(CalendarDay.kind) == DayKind.MAKE_UP_WORKING_DAY)
        .order_by(col(CalendarDay.facility_id).nulls_first())
    )
    works_as = {row.day: row.works_as for row in (await session.scalars(made_up)).all()}
    return frozenset(
        day
        for day in days_between(first, last)
        if any(_falls(each, day, works_as.get(day, day.weekday())) for each in weekly)
    )


def _falls(each: WeeklySession, day: date, weekday: int | None) -> bool:
    return each.weekday == weekday and each.valid_from <= day and (each.valid_to is None or day <= each.valid_to)


async def grid(
    session: AsyncSession,
    facility_code: str,
    *,
    start: datetime,
    end: datetime,
    codes: Collection[str] | None = None,
) -> list[GridRow]:
    """The slots of a facility that overlap `[start, end)`, in the order of time; all, or those of these codes.

    A code is a practitioner's or a room's: either finds the slot.

    Raises:
        FacilityUnknown: no facility has this code.
    """
    await directory.facility(session, facility_code)
    query = (
        select(
            col(Slot.id),
            col(Practitioner.code),
            col(Room.code),
            col(Slot.starts_at),
            col(Slot.ends_at),
            col(Slot.open),
        )
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(col(Facility.code) == facility_code, col(Slot.starts_at) < end, col(Slot.ends_at) > start)
        .order_by(col(Slot.starts_at), col(Slot.id))
    )
    if codes is not None:
        query = query.where(or_(col(Practitioner.code).in_(codes), col(Room.code).in_(codes)))
    # In portions: what the driver holds of a hundred thousand slots is larger than the slots.
    found = await session.stream(query.execution_options(yield_per=_PORTION))
    return [
        GridRow(row_id, tuple(code for code in (practitioner, room) if code), starts_at, ends_at, is_open)
        async for portion in found.partitions()
        for row_id, practitioner, room, starts_at, ends_at, is_open in portion
        if row_id is not None  # always; the model's type allows for a row not yet written
    ]
