"""Each guard speaks when it must, and is silent just below."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking.exchange.guarding import Scope, Signs, Thresholds, guard
from booking.exchange.kinds import HOLDING_GUARDS, AbsenceMeaning, GuardReason, VerdictKind
from booking.exchange.rules import (
    REASONS_PER_SLOT,
    GridSlot,
    StagedRow,
    closed_slots,
    closings,
    outside_hours,
)
from scheduler.exports.wording import explain_guard

MONDAY = date(2026, 11, 23)
DAYS = {MONDAY + timedelta(days=number): 20 for number in range(5)}
FRIDAY = MONDAY + timedelta(days=4)
SOUND = Signs(rows=100, read=100, compared=100, days=DAYS, resources={"an": DAYS, "binh": {FRIDAY: 5}})
EIGHT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def row(minute: int, resource: str = "an") -> StagedRow:
    return StagedRow(1, None, resource, EIGHT + timedelta(minutes=minute), None, "", closes=True)


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (replace(SOUND, rows=79), GuardReason.ROWS_SHRANK),
        (replace(SOUND, days=dict.fromkeys(list(DAYS)[1:], 20)), GuardReason.DAYS_MISSING),
        (replace(SOUND, days={day: 20 for day in DAYS if day.day != 25}), GuardReason.DAYS_MISSING),
        (replace(SOUND, days=dict(list(DAYS.items())[:-1])), GuardReason.COVERAGE_SHORT),
        (replace(SOUND, resources={"an": DAYS}), GuardReason.RESOURCES_MISSING),
        (replace(SOUND, unmapped=6), GuardReason.UNMAPPED_RESOURCES),
        (replace(SOUND, refused=6), GuardReason.MANY_REFUSED),
        (replace(SOUND, read=0), GuardReason.NOTHING_READ),
        (replace(SOUND, outside_period=51), GuardReason.OUTSIDE_PERIOD),
        (replace(SOUND, outside_hours=31), GuardReason.OUTSIDE_HOURS),
    ],
)
def test_a_guard_speaks(signs: Signs, reason: GuardReason) -> None:
    verdict = guard(SOUND, signs, scope=Scope(MONDAY))
    assert [found for found, _ in verdict.reasons] == [reason]
    assert verdict.kind is (VerdictKind.HOLD if reason in HOLDING_GUARDS else VerdictKind.CLOSINGS_ONLY)
    assert explain_guard(*verdict.reasons[0])


@pytest.mark.parametrize(
    "signs",
    [
        SOUND,
        replace(SOUND, rows=80),
        replace(SOUND, unmapped=5, refused=5),
        replace(SOUND, outside_period=50, outside_hours=30),
        replace(SOUND, resources={"an": DAYS, "binh": {FRIDAY: 1}}),
    ],
)
def test_it_is_silent_just_below(signs: Signs) -> None:
    assert guard(SOUND, signs, scope=Scope(MONDAY)).kind is VerdictKind.APPLY


def test_a_feed_of_changes_is_as_long_as_what_has_changed() -> None:
    one = replace(SOUND, rows=3, read=2, unmapped=1, days={FRIDAY: 2}, resources={"an": {FRIDAY: 2}})
    changes = Scope(MONDAY, meaning=AbsenceMeaning.CHANGE_FEED)
    assert guard(SOUND, one, scope=changes).kind is VerdictKind.APPLY
    assert guard(SOUND, one, scope=Scope(MONDAY)).kind is VerdictKind.CLOSINGS_ONLY
    many = replace(one, rows=30, unmapped=10)
    assert [reason for reason, _ in guard(SOUND, many, scope=changes).reasons] == [GuardReason.UNMAPPED_RESOURCES]


def test_days_that_have_passed_may_go() -> None:
    later = replace(SOUND, days=dict.fromkeys(list(DAYS)[1:], 20))
    assert guard(SOUND, later, scope=Scope(MONDAY + timedelta(days=1))).kind is VerdictKind.APPLY


def test_a_day_of_few_rows_may_go() -> None:
    few = replace(SOUND, days={**DAYS, date(2026, 11, 25): 4})
    without = replace(SOUND, days={day: 20 for day in DAYS if day.day != 25})
    assert guard(few, without, scope=Scope(MONDAY)).kind is VerdictKind.APPLY


def test_the_first_file_of_a_feed_is_judged_by_itself() -> None:
    assert guard(None, replace(SOUND, rows=3, read=3)).kind is VerdictKind.APPLY
    assert guard(None, Signs()).kind is VerdictKind.HOLD


def test_thresholds_are_the_feeds() -> None:
    strict = Thresholds(unmapped=0)
    assert guard(None, replace(SOUND, unmapped=1), limits=strict).kind is VerdictKind.CLOSINGS_ONLY
    assert guard(None, replace(SOUND, unmapped=0), limits=strict).kind is VerdictKind.APPLY


def test_holding_wins_over_letting_closings_through() -> None:
    verdict = guard(None, replace(SOUND, unmapped=50, outside_hours=90))
    assert verdict.kind is VerdictKind.HOLD
    assert len(verdict.reasons) == 2


def test_starts_beyond_the_known_hours_are_not_compared() -> None:
    hours = {"an": [(EIGHT, EIGHT + timedelta(hours=2)), (EIGHT + timedelta(hours=4), EIGHT + timedelta(hours=5))]}
    assert outside_hours([row(-5), row(0), row(119), row(120), row(239), row(240), row(300)], hours) == (5, 2)
    assert outside_hours([row(0, "binh")], hours) == (0, 0)


def test_a_thousand_rows_over_one_slot_name_only_so_many() -> None:
    slot = GridSlot(1, "an", EIGHT, EIGHT + timedelta(minutes=15))
    assert len(closings([row(0)] * 1000, [slot])[1]) == REASONS_PER_SLOT


def test_without_any_slot_the_feeds_minutes_decide() -> None:
    free = StagedRow(1, None, "an", EIGHT, None, "free", closes=False, offers=True)
    slot = GridSlot(1, "an", EIGHT, EIGHT + timedelta(minutes=15))
    window = (EIGHT, EIGHT + timedelta(hours=1))
    assert closed_slots([free], [slot], meaning=AbsenceMeaning.FREE_LIST, window=window) == set()
    assert closed_slots([], [slot], meaning=AbsenceMeaning.FREE_LIST, window=window) == {1}
    assert closed_slots([], [slot], meaning=AbsenceMeaning.BUSY_LIST) == set()
    with pytest.raises(ValueError, match="needs a window"):
        closed_slots([], [slot], meaning=AbsenceMeaning.FREE_LIST)
