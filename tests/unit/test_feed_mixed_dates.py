"""A column that a spreadsheet left half dates, half texts, with day and month of the dates swapped, is held."""

from datetime import date, timedelta

import pytest

from booking.exchange.kinds import GuardReason, VerdictKind
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.report import Report
from tests.exports import read

FEED = parse_feed(
    'code = "x"\nfacility = "BVVT"\n[source]\nformat = "csv"\n[columns]\nstart = "Start"\n[columns.resource]\n'
    'doctor = "Doctor"\n[times]\nformats = ["iso", "%d/%m/%Y %H:%M"]\nzone = "Asia/Ho_Chi_Minh"\n[absence]\n'
    'meaning = "busy_list"\n[resources.an]\nkeys = "1"\nslot_minutes = 15\n'
)
DAYS = [date(2026, 11, 23) + timedelta(days=number) for number in range(20)]


def swapped(day: date) -> str:
    """As a program that writes the month first makes of `05/12/2026 08:00`."""
    if day.day > 12:
        return f"{day:%d/%m/%Y} 08:00"
    return f"{date(day.year, day.day, day.month)} 08:00:00"


def report_of(*starts: str, feed: Feed = FEED) -> Report:
    lines = "".join(f"{start},1\n" for start in starts)
    return read(feed, f"Start,Doctor\n{lines}".encode())[1]


def test_a_file_with_swapped_days_is_held_and_says_where() -> None:
    report = report_of(*map(swapped, DAYS))
    assert dict(report.verdict.reasons)[GuardReason.DATES_SWAPPED] == {"rows": 12, "of": 20}
    assert report.verdict.kind is VerdictKind.HOLD
    (note,) = [note for note in report.noted_rows if note.reason == "dates_mixed"]
    assert (note.line, note.facts) == (10, {"dates": 12, "texts": 8})


@pytest.mark.parametrize(
    "starts",
    [
        [f"{day:%d/%m/%Y} 08:00" for day in DAYS],
        [f"{day} 08:00" for day in DAYS],
        [*(f"{day} 08:00" for day in DAYS[:10]), *(f"{day:%d/%m/%Y} 08:00" for day in DAYS[10:])],
        [*map(swapped, DAYS), "05/12/2026 08:00"],
        [*map(swapped, DAYS), "2026-11-25 08:00"],
        [swapped(day) for day in DAYS[4:12]],
    ],
    ids=["all texts", "all dates", "both, on all days", "one early text", "one late date", "too few"],
)
def test_nothing_is_held_where_something_says_otherwise(starts: list[str]) -> None:
    report = report_of(*starts)
    assert GuardReason.DATES_SWAPPED not in dict(report.verdict.reasons)
    assert "dates_mixed" not in report.notes
