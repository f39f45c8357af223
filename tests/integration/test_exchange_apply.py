"""One file after another through the service: what each closes, opens and leaves alone."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from booking.availability import service as availability
from booking.availability.commands import PublishSlots
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange import feed_rows, queries, service
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning, FileState, GuardReason, VerdictKind
from booking.exchange.rules import GridSlot, StagedRow, closings
from booking.exchange.service import Counts
from tests.exports import HIS, SHAPES, truth
from tests.feeds import (
    BY,
    DAY,
    NOW,
    QUIET,
    Folders,
    Hospital,
    book,
    closed_times,
    hospital_database,
    moment,
    nothing,
    publish,
    row,
    slot_id,
    starts,
    two_days,
)
from tests.postgres import Cluster
from tests.seeds import run, value

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db)


async def test_rows_close_what_they_overlap_and_the_report_is_kept(db: Database, hospital: Hospital) -> None:
    done = await hospital.apply(row("1", "07:45", "08:15"), row("2", "09:00"), row("3", "10:00", closes=False))
    assert await hospital.closed() == ["07:30", "08:00", "09:00"]
    assert (done.state, done.counts) == (FileState.APPLIED, Counts(rows=3, closed=3))
    report = await value(db, "SELECT report FROM feed_file")
    assert report["verdict"] == {"kind": "apply", "reasons": []}
    assert report["terms"]["meaning"] == "full_snapshot"
    assert await value(db, "SELECT facts FROM audit_event WHERE action = 'export.apply'") == {
        "feed": "x", "verdict": "apply", "rows": 3, "dropped": 0, "closed": 3, "opened": 0, "conflicts": 0, "ended": 0,
        "own": 0,
        "stay": 0,
    }  # fmt: skip


async def test_matching_by_equal_start_would_leave_given_away_times_open(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_start(rows: list[StagedRow], slots: list[GridSlot], **_: object) -> set[int]:
        taken = {(each.resource, each.starts_at) for each in rows if each.closes}
        return {slot.id for slot in slots if (slot.resource, slot.starts_at) in taken}

    monkeypatch.setattr(queries, "closed_slots", by_start)
    await hospital.apply(row("1", "07:45", "08:15"), row("2", "09:00"))
    assert await hospital.closed() == ["09:00"]


async def test_a_row_that_moves_or_comes_back_under_its_id_is_followed(hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"))
    await hospital.apply(row("1", "09:00"))
    assert await hospital.closed() == ["09:00"]
    await hospital.apply(row("1", "09:00", closes=False))
    assert await hospital.closed() == []
    await hospital.apply(row("1", "09:30"))
    assert await hospital.closed() == ["09:30"]
    assert (await hospital.apply(row("1", "09:30"))).counts == Counts()


async def test_absence_opens_in_a_full_snapshot_only(db: Database, hospital: Hospital) -> None:
    listed = Hospital(db, "list", AbsenceMeaning.BUSY_LIST, None)
    for each in (hospital, listed):
        await each.apply(row("1", "08:00"), row("2", "09:00"))
        await each.apply(row("2", "09:00"))
    assert await hospital.closed() == ["09:00"]
    assert await listed.closed() == ["08:00", "09:00"]
    await listed.apply(row("1", "08:00", closes=False))
    assert await listed.closed() == ["09:00"]


async def test_a_snapshot_says_nothing_about_days_outside_its_coverage(hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), row("2", "08:00", day=24))
    hospital.window = DAY
    await hospital.apply(nothing())
    assert await hospital.closed() == ["24 08:00"]


async def test_a_list_of_free_times_closes_all_else(db: Database) -> None:
    free = Hospital(db, "free", AbsenceMeaning.FREE_LIST, DAY)
    await free.apply(row(None, "07:30", "09:00", closes=False, offers=True), row(None, "08:00", "08:30"))
    everything = sorted(f"{hour:02}:{minute:02}" for hour, minute in _halves())
    assert await free.closed() == [each for each in everything if each not in {"07:30", "08:30"}]
    await free.apply(row(None, "08:00", "08:30", closes=False, offers=True))
    assert await free.closed() == [each for each in everything if each != "08:00"]


def _halves() -> list[tuple[int, int]]:
    minutes = [*range(7 * 60 + 30, 11 * 60 + 30, 30), *range(13 * 60 + 30, 16 * 60 + 30, 30)]
    return [divmod(minute, 60) for minute in minutes]


async def test_what_staff_closed_stays_closed_when_the_feed_opens(db: Database, hospital: Hospital) -> None:
    slot = await slot_id(db, "08:00")
    async with db.transaction() as session:
        await availability.settle_closures(session, "staff", within=[slot], wanted={slot: "away"}, by=BY, now=NOW)
    await hospital.apply(row("1", "08:00"), row("2", "09:00"))
    await hospital.apply(nothing())
    assert await hospital.closed() == []
    assert starts(await closed_times(db)) == ["08:00"]


async def test_two_feeds_of_one_facility_do_not_undo_each_other(db: Database, hospital: Hospital) -> None:
    other = Hospital(db, "other")
    await hospital.apply(row("1", "08:00"))
    await other.apply(row("1", "08:00"), row("2", "09:00"))
    await hospital.apply(nothing())
    assert starts(await closed_times(db)) == ["08:00", "09:00"]
    await other.apply(nothing())
    assert await closed_times(db) == frozenset()


async def test_the_last_content_twice_is_done_once(db: Database, hospital: Hospital) -> None:
    first = await hospital.apply(row("1", "08:00"), content="a")
    again = await hospital.apply(row("1", "08:00"), content="a")
    assert (first.again, again.again, again.counts) == (False, True, Counts())
    assert await value(db, "SELECT count(*) FROM audit_event WHERE action = 'export.apply'") == 1
    assert await value(db, "SELECT count(*) FROM feed_file") == 1


async def test_an_earlier_content_again_closes_what_was_given_away_again_and_opens_nothing(
    db: Database, hospital: Hospital
) -> None:
    await hospital.apply(row("1", "08:00"), content="a")
    await hospital.apply(row("1", "09:00"), content="b")
    assert await hospital.closed() == ["09:00"]
    for known in (False, True):
        again = await hospital.apply(row("1", "08:00"), content="a")
        assert (again.again, again.verdict.kind) == (known, VerdictKind.CLOSINGS_ONLY)
        assert await hospital.closed() == ["08:00", "09:00"]
    back = await hospital.apply(row("1", "09:00"), content="b")
    assert dict(back.verdict.reasons) == {GuardReason.CAME_BEFORE: {"applied": "23/11/2026 00:00"}}
    assert await hospital.closed() == ["08:00", "09:00"]
    await hospital.apply(row("1", "09:00"), content="c")
    assert await hospital.closed() == ["09:00"]
    assert await value(db, "SELECT count(*) FROM audit_event WHERE action = 'export.apply'") == 5


async def test_without_the_guard_an_old_content_would_open_given_away_times(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(queries, "doubted", lambda verdict, _: verdict)
    await hospital.apply(row("1", "08:00"), content="a")
    await hospital.apply(row("1", "09:00"), content="b")
    await hospital.apply(row("1", "08:00"), content="a")
    assert await hospital.closed() == ["08:00"]


async def test_what_comes_again_is_not_the_measure_of_the_next(hospital: Hospital) -> None:
    hospital.limits = replace(QUIET, shrink=0.2)
    whole = [row("1", "08:00"), row("2", "09:00"), row("3", "10:00")]
    for content in ("a", "b", "a", "b"):
        await hospital.apply(*whole, content=content)
    done = await hospital.apply(row("1", "08:00"))
    assert GuardReason.ROWS_SHRANK in dict(done.verdict.reasons)


async def test_what_was_over_before_today_is_forgotten(db: Database, hospital: Hospital) -> None:
    week = [row("1", "08:00"), row("2", "08:00", "08:30", day=24), row("3", "08:00", day=25), row("4", "09:00", day=26)]
    kept = "SELECT string_agg(row_key, ' ' ORDER BY row_key) FROM feed_row"
    await hospital.apply(*week)
    assert await value(db, kept) == "1 2 3 4"
    await publish(db, days=3, now=NOW)
    later = moment("07:00", 26)
    async with db.transaction() as session:  # not yet removed, but asked for no more
        known = await feed_rows.kept(session, "x", hospital.meaning, now=later)
    assert sorted(known) == ["3", "4"]  # the third has no end: it may have lasted into today
    done = await hospital.apply(*week, now=later)
    assert (done.counts.rows, await value(db, kept)) == (0, "3 4")
    assert "26 09:00" in await hospital.closed()


async def test_a_row_that_moves_into_the_past_opens_its_time(db: Database) -> None:
    listed = Hospital(db, meaning=AbsenceMeaning.BUSY_LIST, window=None)
    later = moment("07:00", 24)
    await listed.apply(row("1", "08:00", "08:30", day=24), now=later)
    assert await listed.closed() == ["24 08:00"]
    await listed.apply(row("1", "08:00", "08:30", day=23), now=later)
    assert await listed.closed() == []
    assert await value(db, "SELECT count(*) FROM feed_row") == 0


async def test_a_room_closes_the_times_of_the_practitioners_in_it(db: Database, hospital: Hospital) -> None:
    slot = await slot_id(db, "08:00")
    await run(
        db,
        "WITH room AS (INSERT INTO room (facility_id, code, name) SELECT id, 'T9', 'T9' FROM facility"
        " WHERE code = 'BVVT' RETURNING id) UPDATE slot SET room_id = room.id FROM room WHERE slot.id = :slot",
        slot=slot,
    )
    await book(db, "08:00")
    rooms = {"T9": 30, "chau": 30}
    command = hospital.command(replace(row("1", "08:00"), resource="T9"), row("2", "08:15"), row("3", "10:00"))
    command = replace(command, terms=replace(command.terms, slot_minutes=rooms))
    async with db.transaction() as session:
        done = await service.apply_file(session, command, by=BY, now=NOW)
    assert done.without_times == ()
    assert await hospital.closed() == ["08:00", "08:30", "10:00"]
    assert await value(db, "SELECT row_keys FROM conflict") == ["2", "1"]
    # Without the doctor in the feed the room alone finds the time.
    command = hospital.command(replace(row("1", "08:00"), resource="T9"))
    command = replace(command, terms=replace(command.terms, slot_minutes={"T9": 30}))
    async with db.transaction() as session:
        await service.apply_file(session, command, by=BY, now=NOW)
    assert await hospital.closed() == ["08:00"]


async def test_the_same_content_by_a_corrected_feed_is_another_file(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), content="a")
    command = hospital.command(row("1", "09:00"), content="a")
    command = replace(command, content=replace(command.content, definition="2"))
    async with db.transaction() as session:
        done = await service.apply_file(session, command, by=BY, now=NOW)
    assert not done.again
    assert await hospital.closed() == ["09:00"]
    assert await value(db, "SELECT string_agg(report ->> 'definition', ' ' ORDER BY id) FROM feed_file") == "1 2"


async def test_a_shrunk_file_closes_but_opens_nothing_until_a_whole_one_comes(hospital: Hospital) -> None:
    hospital.limits = replace(QUIET, shrink=0.2)
    old = [row("1", "07:30"), row("2", "08:00"), row("3", "08:30"), row("4", "09:00")]
    await hospital.apply(*old)
    moved, fresh, freed = row("1", "10:00"), row("9", "11:00"), row("2", "08:00", closes=False)
    for _ in range(2):  # nor is the shrunk file the measure of the next
        done = await hospital.apply(moved, fresh, freed)
        assert done.verdict.kind is VerdictKind.CLOSINGS_ONLY
        assert dict(done.verdict.reasons) == {GuardReason.ROWS_SHRANK: {"rows": 1, "of": 4}}
        assert await hospital.closed() == ["07:30", "08:00", "08:30", "09:00", "10:00", "11:00"]
    await hospital.apply(moved, fresh, freed, row("4", "09:00"))
    assert await hospital.closed() == ["09:00", "10:00", "11:00"]


async def test_a_shrunk_list_of_free_times_takes_offers_back_only(db: Database) -> None:
    free = Hospital(db, "free", AbsenceMeaning.FREE_LIST, DAY, limits=replace(QUIET, shrink=0.2))

    def offer(start: str, end: str) -> StagedRow:
        return row(None, start, end, closes=False, offers=True)

    await free.apply(offer("07:30", "08:00"), offer("08:00", "08:30"), offer("08:30", "09:00"))
    before = await free.closed()
    done = await free.apply(offer("08:00", "08:30"), offer("10:00", "10:30"))
    assert done.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert await free.closed() == sorted({*before, "07:30", "08:30"})


async def test_a_file_in_the_wrong_zone_is_held_and_changes_nothing(db: Database, hospital: Hospital) -> None:
    hospital.limits = Thresholds()
    hours = ["07:30", "08:30", "09:30", "10:30", "13:30", "14:30"]
    await hospital.apply(*(row(str(number), each) for number, each in enumerate(hours)))
    closed = await hospital.closed()
    shifted = [row(str(number), each, day=24) for number, each in enumerate(["00:30", "01:30", "02:30", "11:45"])]
    done = await hospital.apply(*shifted, row("8", "12:00"), row("9", "08:00"))
    assert done.state is FileState.HELD
    assert GuardReason.OUTSIDE_HOURS in dict(done.verdict.reasons)
    assert (done.counts, await hospital.closed()) == (Counts(), closed)
    assert await value(db, "SELECT count(*) FROM feed_row") == 6
    assert await value(db, "SELECT count(*) FROM audit_event WHERE action = 'export.hold'") == 1


async def test_without_the_guard_the_wrong_zone_would_open_given_away_times(hospital: Hospital) -> None:
    await hospital.apply(row("1", "07:30"), row("2", "08:30"))
    await hospital.apply(row("1", "00:30"), row("2", "01:30"))
    assert await hospital.closed() == []


async def test_times_published_after_the_file_are_born_closed(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00", day=24), row("2", "09:00", day=26))
    assert await hospital.closed() == ["24 08:00"]
    await publish(db, days=5)
    assert await hospital.closed() == ["24 08:00", "26 09:00"]


async def test_publishing_alone_would_leave_them_open_until_the_feed_is_settled_again(
    db: Database, hospital: Hospital
) -> None:
    await hospital.apply(row("2", "09:00", day=26))
    async with db.transaction() as session:
        await availability.publish(session, PublishSlots(facility="BVVT", horizon_days=5), by=BY, now=NOW)
    assert await hospital.closed() == []
    async with db.transaction() as session:
        counts = await service.settle_feed(session, "x", by=BY, now=NOW)
    assert counts == Counts(closed=1)
    assert await hospital.closed() == ["26 09:00"]


async def test_an_unknown_facility_changes_nothing(db: Database, hospital: Hospital) -> None:
    command = hospital.command(row("1", "08:00"))
    elsewhere = replace(command, content=replace(command.content, facility="NOWHERE"))
    async with db.transaction() as session:
        with pytest.raises(FacilityUnknown):
            await service.apply_file(session, elsewhere, by=BY, now=NOW)
    assert await value(db, "SELECT count(*) FROM feed_file") == 0


async def test_an_applied_content_stays_applied_when_it_is_refused_later(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), content="a")
    command = hospital.command(content="a", signs=Signs())
    command = replace(command, content=replace(command.content, definition="2"))
    async with db.transaction() as session:
        assert (await service.apply_file(session, command, by=BY, now=NOW)).state is FileState.HELD
    async with db.transaction() as session:
        await service.set_aside(session, command.content, by=BY, now=NOW)
    assert await value(db, "SELECT state FROM feed_file") == "applied"
    assert await hospital.closed() == ["08:00"]


async def test_keys_of_any_length_and_twice_are_kept_apart(db: Database, hospital: Hospital) -> None:
    long = "k" * 5000
    rows = [row(long, "08:00"), row(f"{long}x", "08:30"), row("5", "09:00"), row("5", "09:30"), row("5#2", "10:00")]
    await hospital.apply(*rows)
    assert await hospital.closed() == ["08:00", "08:30", "09:00", "09:30", "10:00"]
    assert (await hospital.apply(*rows)).counts == Counts()
    assert await value(db, "SELECT max(length(row_key)) FROM feed_row") == 200


async def test_what_the_guards_compare_with_is_the_calendar(hospital: Hospital) -> None:
    rows = [row("1", "08:00"), row("2", "12:00")]
    async with hospital.db.transaction() as session:
        plan = await queries.plan(session, hospital.command(*rows, signs=Signs(rows=2, read=2)), now=NOW)
    assert (plan.signs.compared, plan.signs.outside_hours) == (2, 1)
    assert set(closings(rows, plan.picture.slots)) == plan.picture.closed


async def test_the_job_closes_what_was_published_past_the_exchange(db: Database, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "feeds")
    drop = folders.add("gnuhealth-url")
    shutil.copy(HIS / SHAPES["gnuhealth-url"], drop)
    await folders.look(db)
    assert await closed_times(db) < truth()
    async with db.transaction() as session:
        await availability.publish(session, PublishSlots(facility="BVVT", horizon_days=13), by=BY, now=NOW)
    await folders.look(db, 1)
    assert await closed_times(db) == truth()
