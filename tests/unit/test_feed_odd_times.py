"""Times as people and spreadsheets write them when nobody checks: serials, midnights, noons, zones."""

from datetime import UTC, datetime

import pytest

from booking.exchange.errors import FeedError
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.times import Times
from tests.exports import FEEDS, read

ZONE = "Asia/Ho_Chi_Minh"
TEXT = (FEEDS / "workbook.toml").read_text()
SMALL = """
code = "small"
facility = "BVVT"
[source]
format = "csv"
[columns]
start_date = "Ngay"
start_time = "Gio"
end_time = "Den"
[columns.resource]
doctor = "BS"
[times]
formats = ["%d/%m/%Y", "%H:%M"]
zone = "Asia/Ho_Chi_Minh"
[absence]
meaning = "busy_list"
[resources.an]
keys = ["An"]
slot_minutes = 30
"""


def at(hour: int, minute: int, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "wanted"),
    [
        ("46349", "0.3125", at(0, 30)),
        ("46349.3125", "0.3125", at(0, 30)),
        ("46349.3125", "46349.3125", at(0, 30)),
        ("46349", "46349,3125", at(0, 30)),
        ("46349.0", "0.3125", at(0, 30)),
        ("46349", "1", at(17, 0)),
        ("46349", "0", at(17, 0, 22)),
    ],
)
def test_of_two_serials_the_first_gives_the_day_and_the_second_the_time(day: str, clock: str, wanted: datetime) -> None:
    assert Times(["excel1900"], ZONE).in_two(day, clock) == wanted


def test_a_serial_of_few_decimals_is_the_minute_that_was_meant() -> None:
    times = Times(["excel1900"], ZONE)
    for minute in range(1440):
        wanted = datetime(2026, 11, 22, 17, tzinfo=UTC).timestamp() + 60 * minute
        for decimals in (4, 5, 6, 12):
            found = times.moment(f"{46349 + minute / 1440:.{decimals}f}")
            assert found is not None
            assert found.timestamp() == wanted, (minute, decimals)
    assert times.moment("46349.31268") == datetime(2026, 11, 23, 0, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "text"),
    [("%d/%m/%Y %H:%M", "23/11/2026 24:00"), ("%Hh%M %d-%m-%Y", "24h00 23-11-2026"), ("iso", "2026-11-23T24:00:00")],
)
def test_an_end_may_be_at_24_hours_and_a_start_may_not(form: str, text: str) -> None:
    times = Times([form], ZONE)
    assert times.end(text) == at(17, 0)
    assert times.moment(text) is None
    assert times.end(text.replace("24:00", "24:30").replace("24h00", "24h30")) is None
    assert Times(["%d/%m/%Y %H:%M"], ZONE).end("24/11/2026 00:00") == at(17, 0)


def test_an_end_at_midnight_behind_an_evening_is_that_of_the_next_day() -> None:
    lines = ["22:00,24:00", "22:00,00:00", "07:30,00:00", "22:00,23:00"]
    rows, report = read(
        parse_feed(SMALL), "\n".join(["Ngay,Gio,Den,BS", *(f"23/11/2026,{x},An" for x in lines), ""]).encode()
    )
    assert [row.ends_at for row in rows] == [at(17, 0), at(17, 0), None, at(16, 0)]
    assert report.notes == {"end_not_after_start": 1}


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("7:30sa", 7, 30),
        ("7:30 SA", 7, 30),
        ("1:05ch", 13, 5),
        ("12:15 trưa", 12, 15),
        ("11:30 Trưa", 11, 30),
        ("1:00trưa", 13, 0),
    ],
)
def test_half_days_as_they_are_written(text: str, hour: int, minute: int) -> None:
    wanted = datetime(2026, 11, 23, hour - 7, minute, tzinfo=UTC)
    assert Times(["%d/%m/%Y %I:%M %p"], ZONE).moment(f"23/11/2026 {text}") == wanted


@pytest.mark.parametrize(
    "zone",
    ["UTC+7", "GMT+7", "+07:00", "+7", "utc+07:00", "ICT", "Vietnam", "Asia/Hanoi", "Asia/Vietnam", "Asia/Ho Chi Minh"],
)
def test_other_names_of_our_zone_lead_to_it(zone: str) -> None:
    with pytest.raises(FeedError, match="did you mean 'Asia/Ho_Chi_Minh'"):
        parse_feed(SMALL.replace("Asia/Ho_Chi_Minh", zone))


@pytest.mark.parametrize("zone", ["UTC+8", "-07:00", "GMT-7", "+0700 ICT", "UTX", "GTM"])
def test_no_name_of_a_zone_leads_to_a_mistake(zone: str) -> None:
    with pytest.raises(FeedError, match="is named by a place, such as 'Asia/Ho_Chi_Minh'"):
        parse_feed(SMALL.replace("Asia/Ho_Chi_Minh", zone))


def test_one_header_holds_one_field() -> None:
    with pytest.raises(FeedError, match=r"columns\.end_time: 'gio' is the column of start_time too"):
        parse_feed(SMALL.replace('end_time = "Den"', 'end_time = ["Den", "gio"]'))
    parse_feed(SMALL.replace('end_time = "Den"', 'end_time = "Den"\nend_date = "Ngay"'))
