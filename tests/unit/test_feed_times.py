"""A value is what a format says it is, whole, or it is nothing."""

from datetime import UTC, date, datetime

import pytest

from scheduler.exports.times import TimeFormat, Times

HALF_PAST_SEVEN = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d/%m/%Y %H:%M", "23/11/2026 07:30"),
        ("%d/%m/%Y %H:%M", "23/11/2026\u00a07:30"),
        ("%d/%m/%Y %H:%M:%S", "23/11/2026 07:30:00"),
        ("%m/%d/%Y %I:%M %p", "11/23/2026 7:30 AM"),
        ("%d/%m/%Y %I:%M %p", "23/11/2026 07:30\u202fa.m."),
        ("%d/%m/%Y %I:%M %p", "23/11/2026 07:30 SA"),
        ("%d/%m/%y %Hh%M", "23/11/26 07h30"),
        ("%Y%m%d%H%M", "202611230730"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-11-23T07:30:00.000+07:00"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-11-23 00:30:00 UTC"),
        ("%Y-%m-%d %H:%M %z", "2026-11-23 07:30 GMT+7"),
        ("%Y-%m-%d %H:%M (%z)", "2026-11-22 19:30 (-05:00)"),
        ("%Y-%m-%d %H:%M %Z", "2026-11-23 07:30 ICT"),
        ("%a, %d %b %Y %H:%M", "Mon, 23 Nov 2026 07:30"),
        ("%A, %d %B %Y %H:%M", "Thứ Hai, 23 tháng 11 2026 07:30"),
        ("%H:%M %a %d/%m/%Y", "07:30 T2 23/11/2026"),
        ("%Hh%M' ngày %d-%m-%Y", "7h30' ngày 23-11-2026"),
        ("iso", "2026-11-23T07:30"),
        ("iso", "2026-11-23 07:30:00.000000"),
        ("iso", "2026-11-23T00:30:00Z"),
        ("iso", "2026-11-23T07:30:00+0700"),
        ("excel1900", "46349.3125"),
        ("excel1900", "46349,3125"),
        ("excel1900", "46349 0.3125"),
        ("excel1904", "44887.3125"),
        ("100%% %d/%m/%Y %H:%M", "100% 23/11/2026 07:30"),
    ],
)
def test_a_moment_is_read(form: str, text: str) -> None:
    assert Times([form], "Asia/Ho_Chi_Minh").moment(text) == HALF_PAST_SEVEN


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d/%m/%Y %H:%M", "23/11/2026 07:30:00"),
        ("%d/%m/%Y %H:%M", "x23/11/2026 07:30"),
        ("%d/%m/%Y %H:%M", "31/02/2026 07:30"),
        ("%d/%m/%Y %H:%M", "23/11/2026 24:00"),
        ("%d/%m/%Y %H:%M", "23/11/2026"),
        ("%d/%m/%Y %I:%M %p", "23/11/2026 13:30 PM"),
        ("%d/%m/%Y %I:%M %p", "23/11/2026 00:30 AM"),
        ("%Y%m%d%H%M", "20261123730"),
        ("%d %b %Y %H:%M", "23 Nox 2026 07:30"),
        ("%d %b %Y %H:%M", "23 Novice 2026 07:30"),
        ("%Y-%m-%d %H:%M %z", "2026-11-23 07:30"),
        ("%Y-%m-%d %H:%M %z", "2026-11-23 07:30 +25:00"),
        ("iso", "2026-11-23"),
        ("iso", "20261123T0730"),
        ("excel1900", "20261123"),
        ("excel1900", "0.3125"),
        ("excel1900", ""),
        ("%d/%m/%Y", "23/11/2026"),
        ("%Y-%m-%d %H:%M %z", "0001-01-01 00:00 +14:00"),
    ],
)
def test_what_does_not_match_wholly_is_nothing(form: str, text: str) -> None:
    assert Times([form], "Asia/Ho_Chi_Minh").moment(text) is None


def test_formats_are_tried_in_order() -> None:
    times = Times(["%d/%m/%Y %H:%M", "iso", "excel1900"], "Asia/Ho_Chi_Minh")
    assert {times.moment(text) for text in ("23/11/2026 07:30", "2026-11-23T07:30", "46349.3125")} == {HALF_PAST_SEVEN}


def test_a_time_of_day_borrows_its_date() -> None:
    times = Times(["%d/%m/%Y %H:%M", "%H:%M"], "Asia/Ho_Chi_Minh")
    assert times.moment("07:30") is None
    assert times.moment("07:30", on=date(2026, 11, 23)) == HALF_PAST_SEVEN


@pytest.mark.parametrize(("text", "hour"), [("12:00 AM", 0), ("12:00 PM", 12), ("1:00 CH", 13), ("11:00 tối", 23)])
def test_noon_and_midnight_on_a_twelve_hour_clock(text: str, hour: int) -> None:
    parsed = TimeFormat("%I:%M %p").parse(text)
    assert parsed is not None
    assert parsed.clock is not None
    assert parsed.clock.hour == hour


@pytest.mark.parametrize(
    ("formats", "day", "clock"),
    [
        (["%d/%m/%Y %H:%M"], "23/11/2026", "07:30"),
        (["%d/%m/%Y", "%H:%M"], "23/11/2026", "07:30"),
        (["%d/%m/%Y %H:%M:%S", "%H:%M"], "23/11/2026 00:00:00", "07:30"),
        (["excel1900", "%H:%M"], "46349", "07:30"),
        (["excel1900"], "46349", "0.3125"),
        (["%d/%m/%Y", "excel1900"], "23/11/2026", "0.3125"),
        (["%d/%m/%Y %H:%M"], "23/11/2026 00:00", "30/12/1899 07:30"),
    ],
)
def test_a_date_and_a_time_in_two_cells(formats: list[str], day: str, clock: str) -> None:
    assert Times(formats, "Asia/Ho_Chi_Minh").in_two(day, clock) == HALF_PAST_SEVEN


def test_half_of_two_cells_is_nothing() -> None:
    times = Times(["%d/%m/%Y", "%H:%M"], "Asia/Ho_Chi_Minh")
    found = [times.in_two(*cells) for cells in (("23/11/2026", ""), ("", "07:30"), ("x", "07:30"), ("23/11/2026", "x"))]
    assert found == [None] * 4
