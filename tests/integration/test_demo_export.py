"""The demo's sample export: moved to the week of the start, off the days off, and closing times for real."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from booking import clock
from booking.availability.commands import PublishSlots
from booking.availability.seeding import holiday_rows, seed_calendar, seed_sample_timetable
from booking.cli import demo_export
from booking.db import Database
from booking.directory.seeding import seed_directory
from booking.exchange import service
from booking.exchange.kinds import VerdictKind
from scheduler.exports.checking import check
from scheduler.exports.feed_file import load_feed
from scheduler.jobs import read_exports
from scheduler.jobs.read_exports import Memory
from tests.feeds import BY, closed_times, names

pytestmark = pytest.mark.anyio
DAYS = [date(2026, 11, 23), date(2026, 11, 29), date(2027, 2, 8), date(2027, 12, 28), date(2030, 4, 26)]


def handed_over(home: Path, today: date) -> tuple[Path, Path]:
    """Feed file and export of a start on that day."""
    feeds, drop = home / "feeds", home / 'exports "of the" hospital'
    for folder in (feeds, drop):
        folder.mkdir(exist_ok=True)
    demo_export.write(feeds, drop, today=today)
    [export] = drop.glob("*.csv")
    return feeds / "demo-bvvt.toml", export


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_whatever_the_day_it_reads_well_and_keeps_off_holidays(tmp_path: Path, today: date) -> None:
    feed, export = handed_over(tmp_path, today)
    report = check(load_feed(feed), export, today=today)
    assert report.verdict.kind is VerdictKind.APPLY
    assert report.closes > 150
    assert report.window is not None
    first = clock.local_day(report.window[0])
    assert first <= today < first + timedelta(days=7)
    off = {row["day"] for row in holiday_rows(range(today.year, today.year + 2))}
    assert not off & set(report.signs.days)


def test_two_starts_in_a_week_write_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in handed_over(tmp_path, date(2026, 11, 23))]
    assert [path.read_bytes() for path in handed_over(tmp_path, date(2026, 11, 27))] == first


def test_the_sample_is_small_and_says_what_is_odd_about_it() -> None:
    folder = Path(demo_export.__file__).with_name("sample")
    data = (folder / "export.csv").read_bytes()
    assert len(data) <= 150_000
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert any("\u0323" in cell for row in rows for cell in row)  # a decomposed letter
    assert {row[7] for row in rows} >= {"", "Trống", "Bị hủy bởi bệnh nhân"}
    assert any(not row[1] for row in rows)
    assert "invented" in (folder / "README.md").read_text()


async def test_it_closes_times_of_the_sample_doctors_once(db: Database, tmp_path: Path) -> None:
    now = datetime(2026, 11, 30, 2, tzinfo=UTC)
    today = clock.local_day(now)
    async with db.transaction() as session:
        await seed_directory(session, now)
        await seed_calendar(session, today)
        await seed_sample_timetable(session, today)
        await service.publish(session, PublishSlots(facility="BVVT", horizon_days=14), by=BY, now=now)
    feed, export = handed_over(tmp_path, today)
    [done] = await read_exports.run(db, feed.parent, now=now, memory=Memory())  # at once: it has a marker
    assert done.applied is not None
    assert done.applied.verdict.kind is VerdictKind.APPLY
    closed = await closed_times(db, "feed:demo-bvvt")
    assert len(closed) == done.applied.counts.closed > 300
    handed_over(tmp_path, today)
    [again] = await read_exports.run(db, feed.parent, now=now, memory=Memory())
    assert again.applied is None
    assert await closed_times(db, "feed:demo-bvvt") == closed
    assert names(export.parent / "done") == [export.name]
