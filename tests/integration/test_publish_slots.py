"""Weekly sessions and calendar days become rows, once, and follow what changes later."""

import asyncio
import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import ActorKind, system
from booking.availability import bulk, publishing, service
from booking.availability.commands import PublishSlots
from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Session, WeeklySession
from booking.availability.publishing import Published
from booking.availability.queries import grid
from booking.availability.seeding import seed_calendar, seed_sample_timetable
from booking.clock import ZONE, at_local, day_bounds
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.directory.seeding import seed_directory
from booking.trail.models import AuditEvent
from scheduler.jobs import publish_slots
from tests.timetables import BEFORE, MONDAY, closures, day_row, give_away, place, slots, weekly

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
BY = system("test")
WEEK = timedelta(weeks=1)


async def publish(db: Database, now: datetime = BEFORE, horizon: int = 14) -> Published:
    return await publish_slots.run(db, now=now, horizon_days=horizon)


async def events(session: AsyncSession) -> list[AuditEvent]:
    return list((await session.scalars(select(AuditEvent).order_by(col(AuditEvent.id)))).all())


async def test_a_slot_carries_all_that_decides(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session, lead=45, horizon=10)
        await weekly(session, at, ("05:00", "06:10"), minutes=30, capacity=3, reserved=1, release=90, doctor=False)
    assert await publish(db) == Published(sessions=3, slots=6)
    async with db.transaction() as session:
        first, second, *_ = await slots(session)
        assert first.day == MONDAY
        assert first.starts_at == at_local(MONDAY, time(5))
        assert second.ends_at == at_local(MONDAY, time(6))
        assert (first.practitioner_id, first.room_id, first.service_id) == (None, at.room, at.service)
        assert (first.capacity, first.taken, first.free_places, first.last_place) == (3, 0, [1, 2, 3], None)
        assert (first.reserved, first.reserved_used, first.open) == (1, 0, True)
        assert first.bookable_from == at_local(MONDAY - timedelta(days=10), time.min)
        assert first.bookable_until == first.starts_at - timedelta(minutes=45)
        assert first.release_at == first.starts_at - timedelta(minutes=90)


async def test_the_same_again_changes_nothing_and_is_not_audited(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session))
    assert (await publish(db)).changed
    async with db.transaction() as session:
        before = [each.model_dump() for each in await slots(session)]
    assert await publish(db) == Published()
    async with db.transaction() as session:
        assert [each.model_dump() for each in await slots(session)] == before
        [event] = await events(session)
        assert (event.action, event.object_id, event.actor_kind) == ("slots.publish", "X1", ActorKind.SYSTEM)
        assert event.facts == {
            "counts": {"sessions": 3, "slots": 12, "closed": 0, "opened": 0, "resized": 0, "adjusted": 0}
        }


async def test_the_last_day_is_the_horizons_and_the_next_day_adds_one(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session)
        for weekday in range(7):
            await weekly(session, at, weekday=weekday)
    await publish(db, horizon=30)
    async with db.transaction() as session:
        days = {each.day for each in await slots(session)}
        assert days == {MONDAY + timedelta(days=n) for n in range(31)}
    last_second = BEFORE + timedelta(days=1, seconds=-1)
    assert await publish(db, last_second, horizon=30) == Published()
    assert await publish(db, last_second + timedelta(seconds=1), horizon=30) == Published(sessions=1, slots=4)


async def test_times_that_have_begun_are_not_published(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session), ("08:00", "10:00"))
    await publish(db, at_local(MONDAY, time(9)), horizon=1)
    async with db.transaction() as session:
        assert [each.starts_at for each in await slots(session)] == [at_local(MONDAY, time(9, 30))]


async def test_one_facility_alone(db: Database) -> None:
    async with db.transaction() as session:
        one, other = await place(session, "X1"), await place(session, "X2")
        await weekly(session, one)
        await weekly(session, other)
    async with db.transaction() as session:
        await service.publish(session, PublishSlots(facility="X2", horizon_days=3), by=BY, now=BEFORE)
    async with db.transaction() as session:
        assert {each.facility_id for each in await slots(session)} == {other.facility}
        assert [event.object_id for event in await events(session)] == ["X2"]
    with pytest.raises(FacilityUnknown):
        async with db.transaction() as session:
            await service.publish(session, PublishSlots(facility="X3"), by=BY, now=BEFORE)


async def test_a_day_off_makes_no_slots_and_a_make_up_day_does(db: Database) -> None:
    async with db.transaction() as session:
        one, other = await place(session, "X1"), await place(session, "X2")
        await weekly(session, one)
        await weekly(session, other)
        saturday = MONDAY + timedelta(days=5)
        session.add(day_row(DayKind.HOLIDAY, MONDAY))
        session.add(day_row(DayKind.OPEN_ALL_THE_SAME, MONDAY, other.facility))
        session.add(day_row(DayKind.MAKE_UP_WORKING_DAY, saturday, one.facility, works_as=0))
    await publish(db, horizon=6)
    async with db.transaction() as session:
        assert {(each.facility_id, each.day) for each in await slots(session)} == {
            (one.facility, saturday),
            (other.facility, MONDAY),
        }


@pytest.mark.parametrize("first", [date(2026, 12, 20), date(2027, 1, 25)], ids=["year end", "Tet"])
async def test_the_countrys_holidays_have_no_slots(db: Database, first: date) -> None:
    async with db.transaction() as session:
        at = await place(session)
        for weekday in range(7):
            await weekly(session, at, weekday=weekday)
        await seed_calendar(session, first)
        off = set(await session.scalars(select(col(CalendarDay.day)).where(col(CalendarDay.day) >= first)))
    await publish(db, at_local(first, time.min), horizon=30)
    expected = {first + timedelta(days=n) for n in range(31)} - off
    assert len(expected) < 31
    async with db.transaction() as session:
        assert {each.day for each in await slots(session)} == expected


async def test_a_day_that_becomes_closed_closes_its_slots_and_opens_them_again(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session)
        await weekly(session, at)
    await publish(db, horizon=7)
    async with db.transaction() as session:
        session.add(day_row(DayKind.LOCAL_CLOSURE, MONDAY, at.facility))
    assert await publish(db, horizon=7) == Published(closed=4)
    assert await publish(db, horizon=7) == Published()
    async with db.transaction() as session:
        found = await slots(session)
        assert [each.open for each in found] == [False] * 4 + [True] * 4
        assert {(source, reason) for _, source, reason in await closures(session)} == {("calendar", "local_closure")}
        await session.execute(delete(CalendarDay))
    assert await publish(db, horizon=7) == Published(opened=4)
    async with db.transaction() as session:
        assert all(each.open for each in await slots(session))
        assert await closures(session) == set()


async def test_a_day_that_opens_again_leaves_shut_what_another_source_closes(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session)
        await weekly(session, at)
        session.add(day_row(DayKind.OPEN_ALL_THE_SAME, MONDAY))
    await publish(db, horizon=1)
    async with db.transaction() as session:
        first = (await slots(session))[0]
        assert first.id
        closed = {first.id: "busy"}
        await service.settle_closures(session, "feed:his", within=closed, wanted=closed, by=BY, now=BEFORE)
        (await session.scalars(select(CalendarDay))).one().kind = DayKind.HOLIDAY
    assert await publish(db, horizon=1) == Published(closed=3)
    async with db.transaction() as session:
        await session.execute(delete(CalendarDay))
    assert await publish(db, horizon=1) == Published(opened=3)
    async with db.transaction() as session:
        assert [each.open for each in await slots(session)] == [False, True, True, True]
        assert await closures(session) == {(first.id, "feed:his", "busy")}


async def test_what_has_begun_is_left_as_it_was(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session)
        await weekly(session, at)
    await publish(db, horizon=1)
    async with db.transaction() as session:
        session.add(day_row(DayKind.LOCAL_CLOSURE, MONDAY))
    assert await publish(db, at_local(MONDAY, time(9)), horizon=1) == Published(closed=1)


async def test_an_ended_weekly_session_closes_its_later_slots(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session))
    await publish(db)
    async with db.transaction() as session:
        (await session.scalars(select(WeeklySession))).one().valid_to = MONDAY + WEEK
    assert await publish(db) == Published(closed=4)
    async with db.transaction() as session:
        assert {each.day for each in await slots(session) if not each.open} == {MONDAY + 2 * WEEK}
        assert {(source, reason) for _, source, reason in await closures(session)} == {
            ("timetable", "not_in_timetable")
        }


async def test_slots_beyond_a_shorter_horizon_stay_open_and_still_follow_the_calendar(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session))
    await publish(db, horizon=14)
    assert await publish(db, horizon=1) == Published()
    async with db.transaction() as session:
        session.add(day_row(DayKind.HOLIDAY, MONDAY + 2 * WEEK))
    assert await publish(db, horizon=1) == Published(closed=4)


async def test_changed_hours_close_old_times_and_make_new_ones(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session), ("08:00", "09:00"), minutes=30)
    await publish(db, horizon=1)
    async with db.transaction() as session:
        row = (await session.scalars(select(WeeklySession))).one()
        row.starts, row.ends, row.slot_minutes = time(8), time(9, 20), 20
    # 08:00 stays and ends at 08:20, 08:30 is over, 08:20 08:40 09:00 are new.
    assert await publish(db, horizon=1) == Published(slots=3, closed=1, resized=1)
    assert await publish(db, horizon=1) == Published()
    async with db.transaction() as session:
        found = await slots(session)
        spans = [(each.starts_at.astimezone(ZONE).strftime("%H:%M"), each.open) for each in found]
        assert spans == [("08:00", True), ("08:20", True), ("08:30", False), ("08:40", True), ("09:00", True)]
        opened = [each for each in found if each.open]
        assert all(one.ends_at == following.starts_at for one, following in pairwise(opened))
        hours = (await session.execute(select(col(Session.starts_at), col(Session.ends_at)))).one()
        assert hours == (at_local(MONDAY, time(8)), at_local(MONDAY, time(9, 20)))


async def test_a_new_time_that_overlaps_a_promised_one_is_born_closed_and_opens_when_it_is_given_up(
    db: Database,
) -> None:
    async with db.transaction() as session:
        at = await place(session)
        old = await weekly(session, at, ("08:00", "09:00"), minutes=30)
    await publish(db, horizon=1)
    async with db.transaction() as session:
        promised = (await slots(session))[1]
        await give_away(session, promised)
        ended = await session.get_one(WeeklySession, old.id)
        ended.starts, ended.ends = time(22), time(22, 30)
        await weekly(session, at, ("08:10", "09:30"), minutes=20)
    assert await publish(db, horizon=1) == Published(sessions=1, slots=5, closed=2)
    async with db.transaction() as session:
        found = [(each.starts_at.astimezone(ZONE).strftime("%H:%M"), each.open) for each in await slots(session)]
        # The old 08:00 and 08:30, and those two of the new ones that would send two people to one doctor.
        assert [clock for clock, is_open in found if not is_open] == ["08:00", "08:30", "08:30", "08:50"]
        assert [clock for clock, is_open in found if is_open] == ["08:10", "09:10", "22:00"]
        reasons = [reason for _, _, reason in await closures(session)]
        assert sorted(reasons) == ["not_in_timetable"] * 2 + ["overlaps_promised_time"] * 2
    async with db.transaction() as session:
        given_up = await session.get_one(type(promised), promised.id)
        given_up.taken, given_up.free_places = 0, [1]
    assert (await publish(db, horizon=1)).opened == 2
    assert await publish(db, horizon=1) == Published()


async def test_six_at_once_do_what_one_does(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session))
    results = await asyncio.gather(*(publish(db, horizon=30) for _ in range(6)))
    assert sorted(each.slots for each in results) == [0] * 5 + [20]
    async with db.transaction() as session:
        assert len(await slots(session)) == 20
        assert len(await events(session)) == 1


def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two runs plan side by side: each believes that nothing is there yet."""
    met = asyncio.Barrier(2)
    judge = publishing._judge

    async def together(*args: Any, **kwargs: Any) -> Any:
        await met.wait()
        return await judge(*args, **kwargs)

    monkeypatch.setattr(publishing, "_judge", together)
    monkeypatch.setattr(publishing, "_ALONE", select(1))


def without_giving_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let slots be inserted with no word about rows that are there."""
    plain = bulk._PUT_SLOTS._generate()
    plain._post_values_clause = None
    monkeypatch.setattr(bulk, "_PUT_SLOTS", plain)


async def published_here(db: Database) -> Published:
    """Publish by availability's own verb: the exchange, which calls it, holds a lock of its own round it."""
    async with db.transaction() as session:
        return await service.publish(session, PublishSlots(horizon_days=14), by=system("test"), now=BEFORE)


async def two_at_once(db: Database) -> None:
    async with db.transaction() as session:
        await weekly(session, await place(session))
    done = await asyncio.gather(published_here(db), published_here(db), return_exceptions=True)
    for problem in done:
        if isinstance(problem, BaseException):
            raise problem
    results = [each for each in done if isinstance(each, Published)]
    assert sorted(each.slots for each in results) == [0, 12]
    assert sorted(each.sessions for each in results) == [0, 3]
    async with db.transaction() as session:
        assert len(await slots(session)) == 12


async def test_the_key_alone_keeps_slots_single(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_lock(monkeypatch)
    await two_at_once(db)


async def test_the_lock_alone_keeps_slots_single(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    without_giving_way(monkeypatch)
    await two_at_once(db)


async def test_with_neither_two_at_once_fail(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_lock(monkeypatch)
    without_giving_way(monkeypatch)
    with pytest.raises(IntegrityError, match="slot_key"):
        await two_at_once(db)


async def test_the_sample_timetable_gives_the_grid_the_sample_export_was_made_from(db: Database) -> None:
    truth = json.loads((Path(__file__).parent.parent / "data" / "his" / "grid.json").read_text("utf-8"))
    async with db.transaction() as session:
        await seed_directory(session, BEFORE)
        await seed_sample_timetable(session, MONDAY)  # and no calendar: the hospital worked on 24 November
    await publish(db, horizon=20)
    start, _ = day_bounds(MONDAY)
    _, end = day_bounds(date(2026, 12, 6))
    async with db.transaction() as session:
        rows = await grid(session, "BVVT", start=start, end=end, codes=list(truth))
        found: dict[str, list[list[str]]] = {code: [] for code in truth}
        for row in rows:
            assert row.open
            found[row.codes[0]].append([each.astimezone(ZONE).isoformat() for each in (row.starts_at, row.ends_at)])
        assert found == truth


async def test_the_grid_is_cut_by_overlap_and_names_rooms_too(db: Database) -> None:
    async with db.transaction() as session:
        at = await place(session)
        await weekly(session, at)
        await weekly(session, at, ("08:00", "08:30"), doctor=False)
    await publish(db, horizon=1)
    start = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)  # 08:15
    async with db.transaction() as session:
        rows = await grid(session, "X1", start=start, end=start + timedelta(minutes=15))
        assert [(row.codes, row.starts_at) for row in rows] == [
            (("doc",), at_local(MONDAY, time(8))),
            (("P1",), at_local(MONDAY, time(8))),
        ]
        rows = await grid(session, "X1", start=start, end=start + timedelta(minutes=16), codes=["doc"])
        assert [row.codes for row in rows] == [("doc",), ("doc",)]
        with pytest.raises(FacilityUnknown):
            await grid(session, "X2", start=start, end=start)
