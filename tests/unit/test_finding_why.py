"""Why a day has nothing free, how far a place is, and in which order places stand."""

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from booking.availability.kinds import NothingFree
from booking.availability.rules import DayFacts, Release, WhyNot, why_not
from booking.directory.kinds import FacilityKind, FacilityState
from booking.directory.queries import FacilityView
from booking.directory.rules import Position, distance_km, read_position
from booking.mobile.finding.near import kilometres
from booking.mobile.finding.wards import by_ward, in_order, large

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = date(2026, 11, 23)
DAY = date(2026, 11, 30)
SINCE = datetime(2026, 11, 24, 17, tzinfo=UTC)
RELEASE = Release(TODAY, published_days=30, horizon_days=30, zone=ZONE)
FULL = DayFacts(open=True, over=False, released=True, since=None)
UNRELEASED = DayFacts(open=True, over=False, released=False, since=SINCE)
OVER = DayFacts(open=True, over=True, released=False, since=None)
CLOSED = DayFacts(open=False, over=False, released=False, since=None)


@pytest.mark.parametrize(
    ("facts", "off", "expected"),
    [
        (FULL, False, WhyNot(NothingFree.FULL)),
        (FULL, True, WhyNot(NothingFree.OFF)),
        (UNRELEASED, False, WhyNot(NothingFree.LATER, SINCE)),
        (OVER, False, WhyNot(NothingFree.OVER)),
        (CLOSED, False, WhyNot(NothingFree.CLOSED)),
        (CLOSED, True, WhyNot(NothingFree.OFF)),
        (None, True, WhyNot(NothingFree.OFF)),
        (None, False, WhyNot(NothingFree.NO_SESSION)),
    ],
)
def test_why_a_day_has_nothing_free(facts: DayFacts | None, expected: WhyNot, *, off: bool) -> None:
    assert why_not(DAY, facts, RELEASE, off=off, planned=True) == expected
    assert why_not(TODAY - timedelta(days=1), facts, RELEASE, off=off, planned=True) == WhyNot(NothingFree.PAST)


@pytest.mark.parametrize(("published", "horizon", "days"), [(30, 30, 30), (60, 30, 30), (30, 60, 30), (10, 60, 10)])
def test_a_day_that_is_not_made_yet_opens_at_the_local_midnight_it_is_due(
    published: int, horizon: int, days: int
) -> None:
    release = Release(TODAY, published, horizon, ZONE)
    far = TODAY + timedelta(days=published + 1)
    found = why_not(far, None, release, off=False, planned=True)
    assert found.reason is NothingFree.LATER
    assert found.since is not None
    assert found.since.astimezone(ZONE) == datetime.combine(far - timedelta(days=days), datetime.min.time(), ZONE)
    assert why_not(far, None, release, off=False, planned=False) == WhyNot(NothingFree.NO_SESSION)
    assert why_not(far - timedelta(days=1), None, release, off=False, planned=True).reason is NothingFree.NO_SESSION


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [("", ""), ("x", "1"), ("nan", "107"), ("inf", "107"), ("91", "107"), ("10", "181"), ("10", ""), ("-91", "0")],
)
def test_what_is_no_position_is_none(latitude: str, longitude: str) -> None:
    assert read_position(latitude, longitude) is None


def test_a_position_is_rounded_to_a_hundred_metres_whatever_was_sent() -> None:
    assert read_position("10.345678", "107.084321") == Position(10.346, 107.084)


def test_distances_are_those_of_the_map() -> None:
    assert math.isclose(distance_km(Position(0, 0), Position(0, 1)), 111.195, abs_tol=0.01)
    assert math.isclose(distance_km(Position(10.346, 107.084), Position(10.776, 106.701)), 63.6, abs_tol=0.5)
    assert distance_km(Position(10, 107), Position(10, 107)) == 0
    assert math.isclose(distance_km(Position(0, 0), Position(0, 180)), math.pi * 6371.0088, abs_tol=0.01)


def test_kilometres_as_people_write_them() -> None:
    assert [kilometres(km, "vi") for km in (0, 0.04, 0.84, 9.96, 12.4)] == ["0,1", "0,1", "0,8", "10,0", "12"]
    assert kilometres(1.25, "en") in ("1.2", "1.3")


def view(name: str, old: str | None, new: str | None, kind: FacilityKind = FacilityKind.HEALTH_STATION) -> FacilityView:
    return FacilityView(
        code=name, kind=kind, state=FacilityState.OPEN, name=name, name_en=name, address=None, phone=None,
        latitude=None, longitude=None, ward_2023=old, ward_2025=new, parent=None, merged_into=None, confirmed=False,
    )  # fmt: skip


def test_stations_stand_by_new_ward_in_the_order_people_count_them() -> None:
    views = [
        view("Trạm 10", "Phường 10", "Phường Rạch Dừa"), view("Trạm Rạch Dừa", "Phường Rạch Dừa", "Phường Rạch Dừa"),
        view("Trạm 2", "Phường 2", "Phường Rạch Dừa"), view("Trạm Mới", None, None),
        view("Trạm Xa", "Xã Long Sơn", "Xã Long Sơn"), view("Bệnh viện", None, None, FacilityKind.HOSPITAL),
    ]  # fmt: skip
    wards = by_ward(views)
    assert [(ward.name, [each.name for each in ward.stations], ward.old) for ward in wards] == [
        ("Phường Rạch Dừa", ["Trạm 2", "Trạm 10", "Trạm Rạch Dừa"], ["2", "10"]),
        ("Xã Long Sơn", ["Trạm Xa"], []),
        (None, ["Trạm Mới"], []),
    ]
    assert [each.name for each in large(views)] == ["Bệnh viện"]
    assert [each.name for each in sorted(views, key=in_order)][:3] == ["Bệnh viện", "Trạm 2", "Trạm 10"]
