"""Calendars close and never open: repeated, moved, excepted and busy times, on the clock of their own zone."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.exchange.errors import ExportUnreadable, FeedError
from booking.exchange.kinds import RefusalReason, UnreadableReason
from booking.exchange.rules import StagedRow
from scheduler.exports.checking import unreadable_json
from scheduler.exports.feed_file import load_feed, parse_feed
from tests.exports import FEEDS, ROOT, read

TEXT = (FEEDS / "calendar.toml").read_text()
FEED = load_feed(FEEDS / "calendar.toml")
WEEK = parse_feed(
    TEXT.replace("last_day = 2026-11-23", "last_day = 2026-12-06").replace('"calendar"  ', '"=BS. Lê Bình Mẫu"  ')
)
SAMPLE = (ROOT / "tests" / "data" / "feeds" / "calendar.ics").read_bytes()


def calendar(*events: str) -> bytes:
    inside = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{inside}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def rows_of(*events: str) -> list[StagedRow]:
    return read(WEEK, calendar(*events))[0]


def starts(rows: list[StagedRow]) -> list[str]:
    return [f"{row.starts_at + timedelta(hours=7):%d %H:%M}" for row in rows if row.closes]


def unreadable(data: bytes) -> UnreadableReason:
    with pytest.raises(ExportUnreadable) as caught:
        read(FEED, data)
    assert unreadable_json(FEED, caught.value)["unreadable"]
    return caught.value.reason


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("UID:1\nDTSTART:20261124T003000Z", ["24 07:30"]),
        ("UID:1\nDTSTART:20261124T073000", ["24 07:30"]),
        ("UID:1\nDTSTART;VALUE=DATE:20261124", ["24 00:00"]),
        ("UID:1\nDTSTART;TZID=Asia/Tokyo:20261124T093000", ["24 07:30"]),
        ("UID:1\nDTSTART:20261124T003000Z\nRRULE:FREQ=DAILY;COUNT=3", ["24 07:30", "25 07:30", "26 07:30"]),
        ("UID:1\nDTSTART:20200101T003000Z\nRRULE:FREQ=WEEKLY;BYDAY=WE", ["25 07:30", "02 07:30"]),
        # A Monday evening in UTC is a Tuesday here: the rule is meant on the clock of the event's own zone.
        ("UID:1\nDTSTART:20261102T223000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO", ["24 05:30", "01 05:30"]),
        ("UID:1\nDTSTART;TZID=Asia/Ho_Chi_Minh:20261103T053000\nRRULE:FREQ=WEEKLY;BYDAY=TU", ["24 05:30", "01 05:30"]),
        ("UID:1\nDTSTART;VALUE=DATE:20261101\nRRULE:FREQ=DAILY;UNTIL=20261124", ["23 00:00", "24 00:00"]),
        ("UID:1\nDTSTART:20261124T003000Z\nRDATE:20261126T003000Z,20270101T003000Z", ["24 07:30", "26 07:30"]),
        (
            "UID:1\nDTSTART:20261124T003000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20261125T003000Z",
            ["24 07:30", "26 07:30"],
        ),
        ("UID:1\nDTSTART:20261124T003000Z\nSTATUS:TENTATIVE", ["24 07:30"]),
        ("UID:1\nDTSTART:20261124T003000Z\nSTATUS:CANCELLED", []),
        ("UID:1\nDTSTART:20261124T003000Z\nTRANSP:TRANSPARENT", []),
        ("UID:1\nDTSTART:20261124T003000Z\nSTATUS:CANCELLED\nTRANSP:OPAQUE", []),
    ],
)
def test_when_an_event_takes_place(event: str, expected: list[str]) -> None:
    assert starts(rows_of(event)) == expected


def test_a_time_that_was_moved_or_called_off_is_not_at_its_old_place() -> None:
    event = "UID:1\nDTSTART:20261124T003000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "UID:1\nRECURRENCE-ID:20261125T003000Z\nDTSTART:20261125T080000Z\nDTEND:20261125T083000Z"
    off = "UID:1\nRECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20261126T073000\nDTSTART:20261126T003000Z\nSTATUS:CANCELLED"
    rows = rows_of(event, moved, off)
    assert starts(rows) == ["24 07:30", "25 15:00"]
    assert [row.row_key for row in rows] == ["1 20261124T003000Z", "1 20261125T003000Z", "1 20261126T003000Z"]
    assert rows[0].ends_at == datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def test_the_newest_version_of_an_event_counts() -> None:
    new, old = "UID:1\nSEQUENCE:2\nDTSTART:20261124T003000Z", "UID:1\nSEQUENCE:1\nDTSTART:20261125T003000Z"
    assert starts(rows_of(new, old)) == starts(rows_of(old, new)) == ["24 07:30"]


def test_a_long_event_that_began_before_the_period_is_met() -> None:
    rows = rows_of("UID:1\nDTSTART:20261120T003000Z\nDURATION:P5D\nRRULE:FREQ=YEARLY")
    assert starts(rows) == ["23 00:00"]  # what began before it could not be missed later
    rows = rows_of("UID:1\nDTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261128")
    assert starts(rows) == ["23 00:00"]
    assert rows[0].ends_at == datetime(2026, 11, 27, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "event",
    [
        "UID:1\nSUMMARY:x",
        "UID:1\nDTSTART:soon",
        "UID:1\nDTSTART:20261124T003000Z\nRRULE:FREQ=SECONDLY",
        "UID:1\nDTSTART:20261124T003000Z\nRRULE:FREQ=FORTNIGHTLY",
        "UID:1\nDTSTART:20261124T003000Z\nDTEND;VALUE=DATE:20261125",
        "UID:1\nDTSTART:20261124T003000Z\nDTEND:20261124T083000",
        "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261125T003000Z\nDTSTART:20261125T080000Z",
    ],
)
def test_an_event_that_cannot_be_told_is_refused_and_the_others_count(event: str) -> None:
    rows, report = read(WEEK, calendar(event, "UID:2\nDTSTART:20261124T003000Z"))
    assert starts(rows) == ["24 07:30"]
    assert report.refused == {RefusalReason.BROKEN_MESSAGE.value: 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY),
        (b"ID,Start\r\n", UnreadableReason.WRONG_FORMAT),
        (b"{}", UnreadableReason.WRONG_FORMAT),
        (SAMPLE[:-20], UnreadableReason.CUT_OFF),
        (SAMPLE.replace(b"Giao ban", b"Giao\0ban"), UnreadableReason.NUL_BYTE),
        (SAMPLE.replace(b"Giao ban", b"Giao\xff"), UnreadableReason.NOT_DECODABLE),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR", UnreadableReason.DAMAGED),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: UnreadableReason) -> None:
    assert unreadable(data) is reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('[absence]\nmeaning = "full_snapshot"', '[absence]\nmeaning = "free_list"'),
        ("[states]\n", '[states]\nfree = ["FREE"]\n'),
    ],
)
def test_a_calendar_never_opens(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(FeedError, match="never opens"):
        parse_feed(TEXT.replace(old, new))


@pytest.mark.parametrize("name", ["summary", "description", "SUMMARY", "attendee"])
def test_titles_are_not_read(name: str) -> None:
    with pytest.raises(FeedError, match="is not read"):
        parse_feed(TEXT.replace('end = "end"', f'end = "{name}"'))


def test_a_moved_time_that_nobody_can_read_is_refused_and_displaces_nothing() -> None:
    weekly = "UID:1\nDTSTART:20261102T003000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU"
    broken = "UID:1\nSEQUENCE:9\nRECURRENCE-ID:2000\nDTSTART:20261124T013000Z"
    rows, report = read(WEEK, calendar(weekly, broken))
    assert "24 07:30" in starts(rows)
    assert report.refused == {RefusalReason.BROKEN_MESSAGE.value: 1}
