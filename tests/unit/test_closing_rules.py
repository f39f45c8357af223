"""Which other time is offered instead of a closed one, when its text goes, until when one may answer."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.appointments.closing.errors import ClosingRefused
from booking.appointments.closing.rules import (
    LONGEST,
    UNDO_FOR,
    OtherVisit,
    Time,
    answer_by,
    check_span,
    may_undo,
    offered,
    tell_at,
)
from booking.clock import ZONE


def at(day: int, clock: str) -> datetime:
    """That time on the facility's clock in November 2026, as UTC. The 2nd is a Monday."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}:00+07:00").astimezone(UTC)


OLD = at(2, "08:00")
TOLD = at(1, "18:00")


def times(*starts: tuple[int, str]) -> list[Time]:
    return [Time(number, at(*one), at(*one) + timedelta(minutes=15)) for number, one in enumerate(starts, 1)]


def chosen(*starts: tuple[int, str], told_at: datetime = TOLD, others: tuple[OtherVisit, ...] = ()) -> list[int]:
    """The numbers of the times in the order in which they are offered."""
    found = offered(OLD, times(*starts), told_at=told_at, others=others, zone=ZONE, most=9)
    return [one.slot_id for one in found]


def test_the_next_morning_comes_before_this_afternoon_and_the_same_hour_before_another() -> None:
    assert chosen((2, "14:00"), (3, "09:00"), (3, "08:00"), (3, "14:00"), (4, "08:00"), (2, "10:00")) == [
        6, 3, 2, 5, 1, 4,
    ]  # fmt: skip


def test_never_earlier_than_she_had_it_and_not_too_soon_to_hear_of_it() -> None:
    assert chosen((2, "07:30"), (1, "08:00"), (2, "08:00")) == []
    assert chosen((2, "09:00"), (2, "10:00"), told_at=at(2, "08:30")) == [2]


def test_earlier_ones_only_for_who_chooses_herself_the_nearest_first_and_none_that_is_too_soon() -> None:
    free = times((9, "08:00"), (6, "08:00"), (6, "07:30"), (5, "08:00"), (5, "14:00"), (1, "18:30"), (10, "08:00"))
    old = at(9, "08:00")
    found = offered(old, free, told_at=TOLD, zone=ZONE, most=9, earlier=True)
    assert [one.slot_id for one in found] == [2, 3, 4, 5]
    assert [one.slot_id for one in offered(old, free, told_at=TOLD, zone=ZONE, most=9)] == [7]


def test_nothing_a_month_away() -> None:
    assert chosen((30, "08:00")) == [1]
    assert offered(at(2, "08:00") - timedelta(days=10), times((30, "08:00")), told_at=TOLD, zone=ZONE) == []


def test_what_else_she_has_is_left_alone() -> None:
    same_day = OtherVisit(at(3, "15:00"), at(3, "15:15"), same_place=True, same_service=True)
    assert chosen((3, "08:00"), (4, "08:00"), others=(same_day,)) == [2]
    near = OtherVisit(at(3, "08:30"), at(3, "09:00"), same_place=False, same_service=False)
    assert chosen((3, "08:00"), (3, "10:30"), others=(near,)) == [2]


def test_a_few_of_each_day_are_offered_to_choose_from() -> None:
    found = offered(
        OLD, times((3, "08:00"), (3, "08:15"), (3, "08:30"), (4, "08:00")), told_at=TOLD, zone=ZONE, most=3, a_day=2
    )
    assert [one.slot_id for one in found] == [1, 2, 4]


def test_the_order_does_not_depend_on_the_order_they_are_given_in() -> None:
    free = times((3, "08:00"), (3, "07:45"), (3, "08:15"), (5, "08:00"))
    forth = offered(OLD, free, told_at=TOLD, zone=ZONE, most=9)
    assert forth == offered(OLD, reversed(free), told_at=TOLD, zone=ZONE, most=9)
    assert offered(OLD, free, told_at=TOLD, zone=ZONE, without={forth[0].slot_id}) == forth[1:2]


@pytest.mark.parametrize(
    ("due", "visit", "told"),
    [
        ((1, "15:00"), (2, "08:00"), (1, "15:00")),
        ((1, "22:00"), (2, "14:00"), (2, "07:00")),
        ((2, "05:00"), (2, "14:00"), (2, "07:00")),
        ((1, "22:00"), (2, "08:00"), (1, "22:00")),  # in the morning it would be too late
        ((1, "22:00"), (2, "11:00"), (2, "07:00")),
        ((1, "22:00"), (2, "10:59"), (1, "22:00")),
    ],
)
def test_nobody_is_woken_unless_the_visit_is_early(
    due: tuple[int, str], visit: tuple[int, str], told: tuple[int, str]
) -> None:
    assert tell_at(at(*due), at(*visit), ZONE) == at(*told)


@pytest.mark.parametrize(
    ("told", "visit", "until"),
    [
        ((1, "10:00"), (9, "08:00"), (8, "08:00")),  # a day before
        ((1, "10:00"), (2, "08:00"), (1, "12:00")),  # but two hours at least
        ((2, "07:00"), (2, "09:00"), (2, "08:00")),  # and not later than an hour before
        ((2, "07:45"), (2, "08:00"), (2, "07:45")),
    ],
)
def test_until_when_one_may_answer(told: tuple[int, str], visit: tuple[int, str], until: tuple[int, str]) -> None:
    assert answer_by(at(*told), at(*visit)) == at(*until)


@pytest.mark.parametrize(
    ("starts", "ends", "reason"),
    [
        (at(2, "10:00"), at(2, "10:00"), "span"),
        (at(1, "08:00"), at(1, "09:00"), "past"),
        (at(2, "08:00"), at(2, "08:00") + LONGEST + timedelta(seconds=1), "long"),
    ],
)
def test_a_span_that_cannot_be(starts: datetime, ends: datetime, reason: str) -> None:
    with pytest.raises(ClosingRefused) as refused:
        check_span(starts, ends, now=at(1, "12:00"))
    assert refused.value.facts["reason"] == reason


def test_undone_only_before_the_first_sms_is_due() -> None:
    due = OLD + UNDO_FOR
    assert may_undo(sms_due_at=due, send_now=False, now=due - timedelta(seconds=1))
    assert not may_undo(sms_due_at=due, send_now=False, now=due)
    assert not may_undo(sms_due_at=due, send_now=True, now=OLD)
