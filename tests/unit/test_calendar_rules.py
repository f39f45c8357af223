"""What a session of the timetable may be, and what a day's own terms do to it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from booking.availability.commands import KeepWeekly
from booking.availability.effect import Picture, effect_of
from booking.availability.errors import SessionRefused
from booking.availability.kinds import DayKind
from booking.availability.rules import CAPACITY, Calendar, DayRule, Terms, Weekly, check_terms, sessions_on

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = date(2026, 11, 30)
MORNING = Terms(time(7, 30), time(11), 30, 4, 1)
WEEKLY = Weekly(1, 1, 0, time(7, 30), time(11), 30, MONDAY, None, 4, 1)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(time(11), time(7, 30), 30, 4, 1), "ends"),
        (Terms(time(7, 30), time(7, 59), 30, 4, 1), "ends"),
        (Terms(time(7, 30), time(11), 30, 4, 5), "reserved"),
    ],
)
def test_a_session_without_time_or_with_too_many_places_kept_is_refused(terms: Terms, field: str) -> None:
    with pytest.raises(SessionRefused) as refused:
        check_terms(terms)
    assert refused.value.facts["field"] == field


def test_a_session_with_time_for_one_slot_is_taken() -> None:
    check_terms(Terms(time(7, 30), time(8), 30, 4, 4))


def test_a_day_off_is_off_whatever_a_session_says_of_itself() -> None:
    closed = Calendar({(None, MONDAY): DayRule(DayKind.HOLIDAY)})
    assert sessions_on(MONDAY, [WEEKLY], closed, ZONE, {(1, MONDAY): MORNING}) == []


def test_a_session_taken_out_before_it_began_never_runs() -> None:
    never = Weekly(1, 1, 0, time(7, 30), time(11), 30, MONDAY, date(2026, 11, 29))
    assert not never.runs(MONDAY, 0)


@pytest.mark.parametrize(("typed", "meant"), [("7:30", time(7, 30)), ("07h05", time(7, 5)), ("13.45", time(13, 45))])
def test_a_time_is_read_as_people_write_it(typed: str, meant: time) -> None:
    assert _command(starts=typed).starts == meant


@pytest.mark.parametrize("typed", ["24:00", "7", "07:60", "", "soon", "07:30:15"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _command(starts=typed)
    assert refused.value.errors()[0]["type"] == "clock_time"


def _command(**more: object) -> KeepWeekly:
    usual = {
        "facility": "X1", "service": "kham", "weekday": "0", "starts": "07:30", "ends": "18:00", "slot_minutes": "30",
        "capacity": "4", "since": "2026-11-30",
    }  # fmt: skip
    return KeepWeekly.model_validate(usual | more)


def test_a_time_that_has_begun_is_not_said_to_change_because_its_session_does() -> None:
    start = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    slot = Picture(1, 1, 1, 1, 1, MONDAY, start, start, True, 2, 0, start, start, 1, wanted=2)
    assert effect_of({1: slot}, {1: replace(slot, wanted=7)}).nothing


def test_more_of_those_inside_are_too_many_where_the_places_go_down_once_more() -> None:
    start = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    slot = Picture(1, 1, 1, 1, 1, MONDAY, start, start, False, 5, 0, start, start, 5, 3, frozenset({CAPACITY}))
    [day] = effect_of({1: slot}, {1: replace(slot, wanted=1)}).days
    assert (day.changed, day.closed) == (1, 0)
    assert (slot.excess, replace(slot, wanted=1).excess) == (2, 4)
