"""What a fresh database is given, and that giving it again changes nothing."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select, update
from sqlmodel import SQLModel, col

from booking.availability.models import CalendarDay, WeeklySession
from booking.availability.seeding import seed_calendar, seed_sample_timetable
from booking.clock import utc_now
from booking.db import Database
from booking.directory import queries
from booking.directory.kinds import FacilityKind, FacilityState
from booking.directory.models import Facility, Practitioner, Service
from booking.directory.seeding import seed_directory

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SEEDED = ("facility", "department", "service", "practitioner", "room", "calendar_day", "weekly_session")


async def seed(db: Database, today: date = TODAY) -> None:
    async with db.transaction() as session:
        await seed_directory(session, NOW)
        await seed_calendar(session, today)
        await seed_sample_timetable(session, today)


async def counted(db: Database) -> dict[str, int]:
    async with db.transaction() as session:
        tables = [*SEEDED, "audit_event"]
        found = [
            await session.scalar(select(func.count()).select_from(SQLModel.metadata.tables[name])) for name in tables
        ]
        return {name: count or 0 for name, count in zip(tables, found, strict=True)}


async def test_nineteen_facilities_are_there_and_none_is_confirmed(db: Database) -> None:
    await seed(db)
    async with db.transaction() as session:
        found = await queries.facilities(session)
        assert len(found) == 19
        assert {each.state for each in found} == {FacilityState.PILOT}
        assert not any(each.confirmed for each in found)
        assert [each.code for each in found[:2]] == ["BVVT", "TTYT"]
        assert {each.parent for each in found if each.kind is FacilityKind.HEALTH_STATION} == {"TTYT"}
        for each in found:
            services = await queries.services(session, each.code)
            assert services
            assert all(not one.confirmed and one.fee_vnd is None and one.bookable for one in services)


FOUND = {
    "thang nhi": {"TYT-TNI"},
    "Thắng Nhì": {"TYT-TNI"},
    "benh vien": {"BVVT"},
    "duong 2/9": {"BVVT"},
    "rach dua": {"TYT-TNA", "TYT-RDU", "TYT-10"},  # the new ward, and the old one of the same name
    "health station 12": {"TYT-12"},
    "tyt-lso": {"TYT-LSO"},
    "long son": {"TYT-LSO"},
}


async def test_a_facility_is_found_by_old_and_new_names_with_or_without_accents(db: Database) -> None:
    await seed(db)
    async with db.transaction() as session:
        for text, codes in FOUND.items():
            assert {each.code for each in await queries.facilities(session, text=text)} == codes, text


async def test_seeding_again_changes_nothing_even_on_another_day(db: Database) -> None:
    await seed(db)
    first = await counted(db)
    assert all(first.values())
    await seed(db)
    await seed(db, date(2026, 12, 24))
    assert await counted(db) == first


async def test_a_new_year_brings_its_holidays_only(db: Database) -> None:
    await seed(db)
    first = await counted(db)
    await seed(db, date(2027, 1, 1))
    second = await counted(db)
    assert second["calendar_day"] > first["calendar_day"]
    assert {**second, "calendar_day": 0} == {**first, "calendar_day": 0}


async def test_what_staff_changed_is_not_overwritten(db: Database) -> None:
    await seed(db)
    tet = date(2027, 2, 6)
    async with db.transaction() as session:
        await session.execute(update(Facility).where(col(Facility.code) == "TYT-01").values(name="Tên mới"))
        await session.execute(update(Service).values(lead_minutes=5))
        await session.execute(update(CalendarDay).where(col(CalendarDay.day) == tet).values(name="Của cơ sở"))
        await session.execute(update(WeeklySession).values(capacity=9, starts=WeeklySession.starts))
    await seed(db)
    async with db.transaction() as session:
        assert (await queries.facility(session, "TYT-01")).name == "Tên mới"
        assert set(await session.scalars(select(col(Service.lead_minutes)))) == {5}
        assert set(await session.scalars(select(col(WeeklySession.capacity)))) == {9}
        named = await session.scalar(select(col(CalendarDay.name)).where(col(CalendarDay.day) == tet))
        assert named == "Của cơ sở"


async def test_a_service_with_a_timetable_of_its_own_gets_no_sample_sessions(db: Database) -> None:
    await seed(db)
    async with db.transaction() as session:
        # Staff moved a session to another hour: the sample's hour must not come back beside it.
        before = await session.scalar(select(func.count()).select_from(WeeklySession))
        row = (await session.scalars(select(WeeklySession).order_by(col(WeeklySession.id)).limit(1))).one()
        row.starts = row.starts.replace(minute=row.starts.minute + 1)
    await seed(db)
    async with db.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(WeeklySession)) == before


async def test_every_sample_practitioner_is_marked_as_one(db: Database) -> None:
    await seed(db)
    async with db.transaction() as session:
        people = (await session.scalars(select(Practitioner))).all()
        assert {each.code for each in people} == {"chau", "duc", "uyen", "huy", "tuyet", "khoi", "duc2", "son"}
        assert all(each.sample for each in people)


async def test_a_name_typed_as_it_is_comes_first(db: Database) -> None:
    async with db.transaction() as session:
        await seed_directory(session, utc_now())
    async with db.transaction() as session:
        found = [view.code for view in await queries.facilities(session, text="thang tam")]
        assert found[0] == "TYT-TTA"
        assert len(found) > 1, "the ward Tam Thắng has the same words"
        assert [view.code for view in await queries.facilities(session)][:2] == ["BVVT", "TTYT"]
