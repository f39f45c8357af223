"""Publishing's rules against a walk through every minute of the day."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from booking.availability.kinds import DayKind
from booking.availability.rules import (
    Calendar,
    DayRule,
    Span,
    Weekly,
    cut_slots,
    days_between,
    last_published,
    limits,
    sessions_on,
)
from booking.availability.seeding import holiday_rows

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FACILITIES = (1, 2)
HOLIDAYS = [row["day"] for row in holiday_rows(range(2026, 2029))]
# Around Tet of 2027 and 2028 and across both year ends: where calendars are at their worst.
STARTS = [date(2027, 2, 1), date(2028, 1, 20), date(2026, 12, 24), date(2027, 12, 26)]
SPAN = timedelta(days=16)


@st.composite
def weeklies(draw: st.DrawFn, first: date) -> list[Weekly]:
    """Up to ten weekly sessions, some beginning or ending inside the days looked at."""
    found = []
    for number in range(draw(st.integers(1, 10))):
        starts = draw(st.integers(0, 23 * 60))
        ends = draw(st.integers(starts + 1, min(starts + 300, 24 * 60 - 1)))
        begins = first + timedelta(days=draw(st.integers(-10, 10)))
        lasts = draw(st.none() | st.integers(0, 20))
        found.append(
            Weekly(
                id=number,
                facility_id=draw(st.sampled_from(FACILITIES)),
                weekday=draw(st.integers(0, 6)),
                starts=clock(starts),
                ends=clock(ends),
                slot_minutes=draw(st.integers(1, 60)),
                valid_from=begins,
                valid_to=None if lasts is None else begins + timedelta(days=lasts),
            )
        )
    return found


@st.composite
def calendars(draw: st.DrawFn, first: date) -> Calendar:
    """The real holidays, and rows of staff on any day, for all or for one facility."""
    days: dict[tuple[int | None, date], DayRule] = {(None, day): DayRule(DayKind.HOLIDAY) for day in HOLIDAYS}
    for _ in range(draw(st.integers(0, 8))):
        day = first + timedelta(days=draw(st.integers(0, SPAN.days)))
        # Often for all and for one on the same day: precedence is where a mistake would hide.
        for facility in draw(st.sets(st.sampled_from([None, *FACILITIES]), min_size=1)):
            kind = draw(st.sampled_from(list(DayKind)))
            works_as = draw(st.integers(0, 6)) if kind is DayKind.MAKE_UP_WORKING_DAY else None
            days[facility, day] = DayRule(kind, works_as)
    return Calendar(days)


@st.composite
def cases(draw: st.DrawFn) -> tuple[date, list[Weekly], Calendar]:
    """First day, weekly sessions, calendar."""
    first = draw(st.sampled_from(STARTS))
    return first, draw(weeklies(first)), draw(calendars(first))


def clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def walked(day: date, each: Weekly, days: dict[tuple[int | None, date], DayRule]) -> Iterator[Span]:
    """The slots of one weekly session on one day, found by looking at each minute in turn."""
    rule = days[each.facility_id, day] if (each.facility_id, day) in days else days.get((None, day))
    weekday = day.isoweekday() - 1
    if rule is not None:
        if rule.kind in {DayKind.HOLIDAY, DayKind.SUBSTITUTED_DAY_OFF, DayKind.LOCAL_CLOSURE}:
            return
        if rule.kind is DayKind.MAKE_UP_WORKING_DAY:
            assert rule.works_as is not None
            weekday = rule.works_as
    if weekday != each.weekday or day < each.valid_from or (each.valid_to is not None and day > each.valid_to):
        return
    run = 0
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)
    for minute in range(24 * 60):
        run = run + 1 if each.starts <= clock(minute) < each.ends else 0
        if run and run % each.slot_minutes == 0:
            end = midnight + timedelta(minutes=minute + 1)
            yield end - timedelta(minutes=each.slot_minutes), end


@settings(max_examples=60, deadline=None)
@given(cases())
def test_slots_are_those_of_a_walk_through_every_minute(case: tuple[date, list[Weekly], Calendar]) -> None:
    first, weekly, calendar = case
    for day in days_between(first, first + SPAN):
        expected = {each.id: spans for each in weekly if (spans := list(walked(day, each, dict(calendar.days))))}
        found = defaultdict(list)
        for session in sessions_on(day, weekly, calendar, ZONE):
            assert session.day == day
            for span in cut_slots(session):
                found[session.weekly_id].append(span)
        assert found == expected


@settings(max_examples=60, deadline=None)
@given(cases())
def test_slots_of_a_session_never_overlap_and_stay_inside_it(case: tuple[date, list[Weekly], Calendar]) -> None:
    first, weekly, calendar = case
    for day in days_between(first, first + SPAN):
        for session in sessions_on(day, weekly, calendar, ZONE):
            spans = cut_slots(session)
            assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))
            for start, end in spans:
                assert session.starts_at <= start < end <= session.ends_at
                assert start.astimezone(ZONE).date() == day


@settings(max_examples=200, deadline=None)
@given(
    today=st.dates(date(2026, 12, 1), date(2028, 3, 31)),
    horizon=st.integers(1, 365),
    beyond=st.integers(-2, 2) | st.integers(-368, 40),
    minute=st.integers(0, 24 * 60 - 1),
    lead=st.integers(0, 3000),
)
def test_what_can_be_booked_today_is_published_today(
    today: date, horizon: int, beyond: int, minute: int, lead: int
) -> None:
    day = today + timedelta(days=horizon + beyond)
    start = datetime.combine(day, clock(minute), ZONE).astimezone(UTC)
    edge = limits((start, start), day, horizon_days=horizon, lead_minutes=lead, release_minutes=0, zone=ZONE)
    now = datetime.combine(today, time(23, 59, 59), ZONE)
    bookable = edge.bookable_from <= now < edge.bookable_until
    if bookable:
        assert today <= day <= last_published(today, horizon)
    assert edge.bookable_from.astimezone(ZONE).time() == time.min
    assert (edge.bookable_from <= now) == (day <= last_published(today, horizon))
