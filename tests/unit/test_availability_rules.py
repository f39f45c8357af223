"""Days, sessions and slots on plain values."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from booking.availability.kinds import DayKind
from booking.availability.rules import (
    CROWDED,
    NOT_PLANNED,
    Calendar,
    Closing,
    DayRule,
    DaySession,
    Weekly,
    cut_slots,
    days_between,
    last_published,
    limits,
    reason_to_close,
    sessions_on,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = date(2026, 11, 23)
HOLIDAY = DayRule(DayKind.HOLIDAY)
OPEN = DayRule(DayKind.OPEN_ALL_THE_SAME)
CLOSED = DayRule(DayKind.LOCAL_CLOSURE)
AS_FRIDAY = DayRule(DayKind.MAKE_UP_WORKING_DAY, works_as=4)


def weekly(weekday: int = 0, *, first: date = MONDAY, last: date | None = None) -> Weekly:
    return Weekly(1, 7, weekday, time(7), time(11, 30), 60, first, last)


@pytest.mark.parametrize(
    ("rows", "works_as"),
    [
        ({}, 0),
        ({None: HOLIDAY}, None),
        ({None: DayRule(DayKind.SUBSTITUTED_DAY_OFF)}, None),
        ({7: CLOSED}, None),
        ({8: CLOSED}, 0),  # another facility's
        ({None: HOLIDAY, 7: OPEN}, 0),
        ({None: HOLIDAY, 8: OPEN}, None),
        ({None: AS_FRIDAY}, 4),
        ({None: AS_FRIDAY, 7: CLOSED}, None),
        ({None: AS_FRIDAY, 7: OPEN}, 0),
        ({None: HOLIDAY, 7: AS_FRIDAY}, 4),
        ({None: OPEN}, 0),
    ],
)
def test_a_facilitys_own_row_wins_over_the_row_for_all(rows: dict[int | None, DayRule], works_as: int | None) -> None:
    calendar = Calendar({(facility, MONDAY): rule for facility, rule in rows.items()})
    assert calendar.works_as(7, MONDAY) == works_as
    off = calendar.off(7, MONDAY)
    assert (off is not None) == (works_as is None)
    if off is not None:
        assert off == (rows.get(7) or rows[None])


def test_a_session_runs_on_its_first_and_last_day_and_not_beyond() -> None:
    each = weekly(first=MONDAY, last=MONDAY + timedelta(weeks=2))
    days = [
        day
        for day in days_between(MONDAY - timedelta(weeks=2), MONDAY + timedelta(weeks=5))
        if sessions_on(day, [each], Calendar(), ZONE)
    ]
    assert days == [MONDAY, MONDAY + timedelta(weeks=1), MONDAY + timedelta(weeks=2)]


def test_a_session_is_stated_in_utc() -> None:
    [found] = sessions_on(MONDAY, [weekly()], Calendar(), ZONE)
    assert found.hours == (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), datetime(2026, 11, 23, 4, 30, tzinfo=UTC))


def test_a_session_at_five_in_the_morning_keeps_its_local_day() -> None:
    early = Weekly(1, 7, 0, time(5), time(6), 30, MONDAY)
    [found] = sessions_on(MONDAY, [early], Calendar(), ZONE)
    assert found.day == MONDAY
    assert found.starts_at.date() == MONDAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("hours", "minutes", "count"),
    [
        ((time(7), time(11, 30)), 30, 9),
        ((time(7), time(11, 30)), 60, 4),  # half an hour is nobody's
        ((time(7), time(7, 10)), 20, 0),
        ((time(7), time(7, 20)), 20, 1),
        ((time(0), time(23, 59)), 1, 1439),
    ],
)
def test_only_whole_slots_are_cut(hours: tuple[time, time], minutes: int, count: int) -> None:
    start, end = (datetime.combine(MONDAY, clock, UTC) for clock in hours)
    found = cut_slots(DaySession(1, MONDAY, start, end, minutes))
    assert len(found) == count
    assert all(later[0] == earlier[1] for earlier, later in itertools.pairwise(found))
    assert all(start <= begins and ends <= end for begins, ends in found)


def test_booking_opens_at_a_local_midnight_and_ends_before_the_start() -> None:
    start = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    found = limits(
        (start, start + timedelta(minutes=30)),
        MONDAY,
        horizon_days=30,
        lead_minutes=60,
        release_minutes=90,
        zone=ZONE,
    )
    assert found.bookable_from == datetime(2026, 10, 23, 17, tzinfo=UTC)  # 24 October, 00:00 at the facility
    assert found.bookable_until == start - timedelta(minutes=60)
    assert found.release_at == start - timedelta(minutes=90)


@pytest.mark.parametrize("horizon", [1, 30, 365])
def test_the_last_day_published_is_the_last_that_is_bookable_today(horizon: int) -> None:
    def opens(day: date) -> datetime:
        noon = datetime.combine(day, time(12), ZONE)
        span = (noon, noon)
        return limits(span, day, horizon_days=horizon, lead_minutes=0, release_minutes=0, zone=ZONE).bookable_from

    last = last_published(MONDAY, horizon)
    midnight = datetime.combine(MONDAY, time.min, ZONE)
    assert opens(last) == midnight
    assert opens(last + timedelta(days=1)) == midnight + timedelta(days=1)


@pytest.mark.parametrize(
    ("off", "planned", "crowded", "reason"),
    [
        (None, True, False, None),
        (None, True, True, CROWDED),
        (None, False, False, NOT_PLANNED),
        (None, False, True, NOT_PLANNED),
        (HOLIDAY, False, False, Closing("calendar", "holiday")),
        (CLOSED, True, True, Closing("calendar", "local_closure")),
    ],
)
def test_one_reason_at_a_time_closes_a_slot(
    *,
    off: DayRule | None,
    planned: bool,
    crowded: bool,
    reason: Closing | None,
) -> None:
    assert reason_to_close(off, planned=planned, crowded=crowded) == reason
