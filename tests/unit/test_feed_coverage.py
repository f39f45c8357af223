"""Rows at the edge of what a file speaks about: overlap decides what counts, the begin what can be missed."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.exchange.commands import Terms
from booking.exchange.following import follow
from booking.exchange.kinds import AbsenceMeaning, GuardReason, VerdictKind
from booking.exchange.rules import GridSlot, Span, StagedRow, closed_slots, gone
from scheduler.exports.checking import within
from tests.exports import TODAY, read, small, small_file

FIRST = datetime(2026, 11, 22, 17, tzinfo=UTC)  # midnight of 23 November at the hospital
WINDOW: Span = (FIRST, FIRST + timedelta(days=2))
COVERAGE = "[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-11-24\n"
NIGHT = ("1", "2026-11-22 22:00", "2026-11-23 07:30", "Dr An", "busy")
ENDLESS = ("2", "2026-11-22 23:45", "", "Dr An", "busy")
BEFORE = ("3", "2026-11-22 21:00", "2026-11-23 00:00", "Dr An", "busy")
LATE = ("4", "2026-11-24 23:30", "2026-11-25 01:00", "Dr An", "busy")
AFTER = ("5", "2026-11-25 00:00", "2026-11-25 01:00", "Dr An", "busy")
MEANINGS = ("busy_list", "full_snapshot", "free_list", "change_feed")


def slot(number: int, clock: str, day: int = 23) -> GridSlot:
    start = datetime.fromisoformat(f"2026-11-{day}T{clock}:00+07:00").astimezone(UTC)
    return GridSlot(number, "an", start, start + timedelta(minutes=30))


@pytest.mark.parametrize("meaning", MEANINGS)
def test_a_row_that_began_before_the_coverage_takes_the_time_it_reaches_into(meaning: str) -> None:
    feed = small(('"busy_list"', f'"{meaning}"'), more=COVERAGE)
    free = ("9", "2026-11-23 00:00", "2026-11-24 00:00", "Dr An", "free")
    rows, report = read(feed, small_file(NIGHT, ENDLESS, BEFORE, LATE, AFTER, free))
    counted = within(feed, rows, report.window)
    assert [each.row_key for each in counted] == ["1", "2", "4", "9"]
    assert report.notes == {"outside_coverage": 2}
    assert report.signs.outside_period == 2
    slots = [slot(1, "00:00"), slot(2, "07:00"), slot(3, "07:30"), slot(4, "23:30", 24)]
    closed = closed_slots(counted, slots, meaning=feed.absence.meaning, window=report.window)
    assert closed == {1, 2, 4}


def test_only_what_begins_in_the_coverage_is_compared_with_the_next_file() -> None:
    """Else a night that was listed once would be a day that is missing from the next file."""
    feed = small(('"busy_list"', '"full_snapshot"'), more=COVERAGE)
    _, report = read(feed, small_file(NIGHT, ENDLESS, LATE))
    assert {day.isoformat(): count for day, count in report.signs.days.items()} == {"2026-11-24": 1}
    assert report.first_start == report.last_start == datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    assert report.verdict.kind is VerdictKind.APPLY


def test_most_rows_wholly_outside_still_hold_the_file() -> None:
    _, report = read(small(more=COVERAGE), small_file(BEFORE, AFTER, LATE))
    assert [reason for reason, _ in report.verdict.reasons] == [GuardReason.OUTSIDE_PERIOD]
    _, report = read(small(more=COVERAGE), small_file(NIGHT, AFTER, LATE))
    assert report.verdict.kind is VerdictKind.APPLY


def at(key: str, start: datetime, hours: int, *, offers: bool = False) -> StagedRow:
    return StagedRow(1, key, "an", start, start + timedelta(hours=hours), "", not offers, offers)


def followed(kept: StagedRow, said: StagedRow, meaning: AbsenceMeaning, verdict: VerdictKind) -> list[str]:
    """Keys of the rows kept after a file that lacks the one kept before."""
    before = {kept.row_key or "": kept}
    terms = Terms(meaning, WINDOW, {"an": 30})
    return sorted(follow(before, [said], terms, verdict).after(before))


@pytest.mark.parametrize("meaning", [AbsenceMeaning.FULL_SNAPSHOT, AbsenceMeaning.FREE_LIST])
def test_a_closing_row_that_began_before_the_coverage_is_not_called_gone(meaning: AbsenceMeaning) -> None:
    """The hospital lists by the begin: yesterday's night is not in today's file, and is not over."""
    night, other = at("night", FIRST - timedelta(hours=2), 9), at("x", FIRST + timedelta(hours=20), 1)
    assert followed(night, other, meaning, VerdictKind.APPLY) == ["night", "x"]
    inside = at("night", FIRST, 7)
    assert followed(inside, other, meaning, VerdictKind.APPLY) == ["x"]


@pytest.mark.parametrize("verdict", [VerdictKind.APPLY, VerdictKind.CLOSINGS_ONLY])
def test_what_a_list_of_free_times_offers_no_more_is_closed_whenever_it_began(verdict: VerdictKind) -> None:
    """By its begin alone it would stand, and sell a time that somebody has: so the begin is no judge here."""
    offer, other = at("offer", FIRST - timedelta(hours=2), 12, offers=True), at("x", FIRST + timedelta(hours=20), 1)
    assert followed(offer, other, AbsenceMeaning.FREE_LIST, verdict) == ["x"]
    by_begin = gone({"offer": offer.starts_at}, {"x"}, meaning=AbsenceMeaning.FULL_SNAPSHOT, window=WINDOW)
    assert by_begin == set()
    over_before = at("offer", FIRST - timedelta(hours=12), 12, offers=True)
    assert followed(over_before, other, AbsenceMeaning.FREE_LIST, verdict) == ["offer", "x"]


def test_the_coverage_is_that_of_the_feed() -> None:
    assert small(more=COVERAGE).window(TODAY) == WINDOW
