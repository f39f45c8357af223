"""The first calendar and a sample timetable: insert-only, so that what staff changed later is never overwritten."""

from datetime import date
from typing import Any

import holidays
from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, WeeklySession
from booking.directory import seeding as directory
from booking.directory.models import Facility, Practitioner, Room, Service

_YEARS = 3
_RELEASE_MINUTES = 60
"""The sample's places for walk-ins are given free an hour before the start."""


async def seed_calendar(session: AsyncSession, today: date) -> int:
    """Insert the country's holidays of this year and the next two where no row stands for the day; how many are new.

    The library knows lunar holidays and substituted days off; make-up working days and local closures are staff's.
    """
    return await _put(session, CalendarDay, holiday_rows(range(today.year, today.year + _YEARS)))


def holiday_rows(years: range) -> list[dict[str, Any]]:
    """The country's days off in these years, for all facilities, in the order of days."""
    names = holidays.country_holidays("VN", years=years, language="vi")
    english = holidays.country_holidays("VN", years=years, language="en_US")
    return [
        {
            "facility_id": None,
            "day": day,
            "kind": _kind(names[day]),
            "works_as": None,
            "name": names[day],
            "name_en": english[day],
        }
        for day in sorted(names)
        if day.year in years  # the library also adds years its days spill into
    ]


def _kind(name: str) -> DayKind:
    # The library tells a substituted day off by its name only: "(nghỉ bù)" after a holiday that fell on a weekend,
    # "(thay cho ngày ...)" for one the government moved.
    return DayKind.SUBSTITUTED_DAY_OFF if "(nghỉ bù)" in name or "(thay cho" in name else DayKind.HOLIDAY


async def seed_sample_timetable(session: AsyncSession, today: date) -> int:
    """Insert the sample practitioners, rooms and weekly sessions; how many weekly sessions are new.

    A service that has any weekly session is left alone: its timetable is somebody's already.
    """
    await directory.seed_sample_people(session)
    services = (await session.execute(_SERVICES)).all()
    practitioners = {(facility, code): row_id for facility, code, row_id in await _ids(session, Practitioner)}
    rooms = {(facility, code): row_id for facility, code, row_id in await _ids(session, Room)}
    rows: list[dict[str, Any]] = []
    for service_id, facility_id, service, facility, kind in services:
        base = {"facility_id": facility_id, "service_id": service_id, "valid_from": today, "valid_to": None}
        for person in directory.sample().practitioner:
            if (person.facility, person.service) == (facility, service):
                rows += _of_person(person, base | {"practitioner_id": practitioners[facility_id, person.code]})
        for room in directory.sample().room:
            if (room.kind, room.service) == (kind, service):
                rows += _of_room(room, base | {"room_id": rooms[facility_id, room.code]})
    return await _put(session, WeeklySession, rows)


_SERVICES = (
    select(col(Service.id), col(Service.facility_id), col(Service.code), col(Facility.code), col(Facility.kind))
    .join(Facility, col(Facility.id) == col(Service.facility_id))
    .where(~select(WeeklySession).where(col(WeeklySession.service_id) == col(Service.id)).exists())
)


async def _ids(session: AsyncSession, table: type[Practitioner | Room]) -> list[tuple[int, str, int | None]]:
    query = select(col(table.facility_id), col(table.code), col(table.id))
    return [(facility, code, row_id) for facility, code, row_id in (await session.execute(query))]


def _of_person(person: directory.SamplePractitioner, base: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        base
        | {"room_id": None, "weekday": weekday, "starts": hours.starts, "ends": hours.ends}
        | {"slot_minutes": hours.slot_minutes, "capacity": 1, "reserved": 0, "release_minutes": 0}
        for hours in person.sessions
        for weekday in hours.weekdays
    ]


def _of_room(room: directory.SampleRoom, base: dict[str, Any]) -> list[dict[str, Any]]:
    release = _RELEASE_MINUTES if room.reserved else 0
    return [
        base
        | {"practitioner_id": None, "weekday": weekday, "starts": hours.starts, "ends": hours.ends}
        | {"slot_minutes": room.slot_minutes, "capacity": room.capacity, "reserved": room.reserved}
        | {"release_minutes": release}
        for hours in (directory.sample().halves[half] for half in room.halves)
        for weekday in room.weekdays
    ]


async def _put(session: AsyncSession, table: type[SQLModel], rows: list[dict[str, Any]]) -> int:
    """Insert rows that are missing; how many are new."""
    if not rows:
        return 0
    target: Table = SQLModel.metadata.tables[str(table.__tablename__)]
    put = insert(target).on_conflict_do_nothing().returning(target.c.id)
    return len((await session.execute(put, rows)).all())
