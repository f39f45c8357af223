"""When reminders go, which state may follow which: by example. Over many days: tests/property."""

from datetime import UTC, datetime, time, timedelta
from itertools import product

import pytest

from booking.clock import ZONE
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.rules import (
    Dropped,
    Planned,
    ReminderTimes,
    backoff,
    is_quiet,
    may_follow,
    plan_reminder,
    plan_reminders,
    receipt_state,
    useful_until,
    valid_seconds,
)

DAY, HOURS = MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS
S = MessageState
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("kind", "visit", "due", "expires"),
    [
        (DAY, "2026-12-01 09:00", "2026-11-30 18:00", "2026-11-30 21:00"),
        (DAY, "2027-01-01 00:30", "2026-12-31 18:00", "2026-12-31 21:00"),
        (DAY, "2028-03-01 08:00", "2028-02-29 18:00", "2028-02-29 21:00"),
        (HOURS, "2026-12-01 09:30", "2026-12-01 07:30", "2026-12-01 09:15"),
        (HOURS, "2026-12-01 09:00", "2026-12-01 07:00", "2026-12-01 08:45"),  # 07:00 itself is not quiet
        (HOURS, "2026-12-01 08:00", "2026-12-01 07:00", "2026-12-01 07:45"),  # out of the night, in the morning
        (HOURS, "2026-12-01 07:30", "2026-12-01 07:00", "2026-12-01 07:15"),
        (HOURS, "2026-12-01 07:29", "2026-11-30 20:30", "2026-11-30 21:00"),  # too near: the evening before
        (HOURS, "2026-12-01 02:00", "2026-11-30 20:30", "2026-11-30 21:00"),
        (HOURS, "2026-12-01 00:00", "2026-11-30 20:30", "2026-11-30 21:00"),
        (HOURS, "2026-12-01 23:30", "2026-12-01 20:30", "2026-12-01 21:00"),
        (HOURS, "2026-12-01 22:59", "2026-12-01 20:59", "2026-12-01 21:00"),
    ],
)
def test_a_reminder_goes_at_a_useful_time(kind: MessageKind, visit: str, due: str, expires: str) -> None:
    planned = plan_reminder(kind, local(visit), LONG_AGO, ZONE)
    assert planned == Planned(kind, local(due).astimezone(UTC), local(expires).astimezone(UTC))


@pytest.mark.parametrize(
    ("kind", "visit", "made", "reason"),
    [
        (DAY, "2026-12-01 09:00", "2026-11-30 18:00", SuppressedReason.TIME_PASSED),
        (DAY, "2026-12-01 09:00", "2026-12-01 08:00", SuppressedReason.TIME_PASSED),
        (DAY, "2026-12-01 09:00", "2026-11-30 16:01", SuppressedReason.BESIDE_BOOKING),
        (HOURS, "2026-12-01 09:30", "2026-12-01 05:31", SuppressedReason.BESIDE_BOOKING),
        (HOURS, "2026-12-01 09:30", "2026-12-01 08:00", SuppressedReason.TIME_PASSED),
        (HOURS, "2026-12-01 07:15", "2026-11-30 22:00", SuppressedReason.TIME_PASSED),
        (HOURS, "2026-12-01 07:15", "2026-11-30 19:00", SuppressedReason.BESIDE_BOOKING),
        (HOURS, "2026-12-01 09:30", "2026-12-02 08:00", SuppressedReason.TIME_PASSED),
    ],
)
def test_a_late_booking_gets_no_reminder_beside_or_after_its_confirmation(
    kind: MessageKind, visit: str, made: str, reason: SuppressedReason
) -> None:
    assert plan_reminder(kind, local(visit), local(made), ZONE) == Dropped(kind, reason)


@pytest.mark.parametrize(
    ("asked", "due"), [("22:00", "20:30"), ("06:00", "07:00"), ("21:00", "20:30"), ("20:59", "20:59")]
)
def test_an_hour_of_the_night_for_the_day_before_stays_on_the_day_before(asked: str, due: str) -> None:
    visit = local("2026-12-01 09:00")
    planned = plan_reminder(DAY, visit, LONG_AGO, ZONE, ReminderTimes(time.fromisoformat(asked)))
    assert isinstance(planned, Planned)
    assert planned.due_at == local(f"2026-11-30 {due}")


def test_a_service_says_when_its_reminders_go_or_that_none_do() -> None:
    visit = local("2026-12-01 14:00")
    times = ReminderTimes(time(19, 30), timedelta(hours=4))
    day, hours = plan_reminders(visit, LONG_AGO, ZONE, times)
    assert isinstance(day, Planned)
    assert isinstance(hours, Planned)
    assert (day.due_at, hours.due_at) == (local("2026-11-30 19:30"), local("2026-12-01 10:00"))
    assert plan_reminders(visit, LONG_AGO, ZONE, ReminderTimes(None, None)) == [
        Dropped(DAY, SuppressedReason.NOT_OFFERED),
        Dropped(HOURS, SuppressedReason.NOT_OFFERED),
    ]


def test_two_reminders_on_one_evening_become_one() -> None:
    day, hours = plan_reminders(local("2026-12-01 07:00"), LONG_AGO, ZONE)
    assert isinstance(day, Planned)
    assert hours == Dropped(HOURS, SuppressedReason.BESIDE_REMINDER)
    late = plan_reminders(local("2026-12-01 07:00"), local("2026-11-30 17:30"), ZONE)
    assert [type(one) for one in late] == [Dropped, Planned]


def test_both_reminders_of_an_ordinary_visit_go() -> None:
    assert [type(one) for one in plan_reminders(local("2026-12-01 09:00"), LONG_AGO, ZONE)] == [Planned, Planned]


@pytest.mark.parametrize("kind", [MessageKind.OTP, MessageKind.BOOKED, MessageKind.MOVED, MessageKind.CANCELLED])
def test_other_kinds_are_no_reminders(kind: MessageKind) -> None:
    with pytest.raises(ValueError, match="no reminder"):
        plan_reminder(kind, local("2026-12-01 09:00"), LONG_AGO, ZONE)


@pytest.mark.parametrize(
    ("clock", "quiet"), [("20:59", False), ("21:00", True), ("00:00", True), ("06:59", True), ("07:00", False)]
)
def test_the_night_is_from_nine_to_seven(clock: str, *, quiet: bool) -> None:
    assert is_quiet(local(f"2026-12-31 {clock}").astimezone(UTC), ZONE) is quiet


def test_news_of_a_visit_is_useful_until_it_begins() -> None:
    visit = local("2026-12-01 09:00")
    for kind in (MessageKind.BOOKED, MessageKind.MOVED, MessageKind.CANCELLED):
        assert useful_until(kind, visit, ZONE) == visit
    with pytest.raises(ValueError, match="own clock"):
        useful_until(MessageKind.OTP, visit, ZONE)


@pytest.mark.parametrize(
    ("left", "seconds"), [(0.9, None), (-5, None), (1, 1), (61.7, 61), (36_000, 36_000), (90_000, 36_000)]
)
def test_validity_is_bounded_by_usefulness(left: float, seconds: int | None) -> None:
    assert valid_seconds(LONG_AGO + timedelta(seconds=left), LONG_AGO) == seconds


def test_waits_grow_to_ten_minutes_and_obey_retry_after() -> None:
    waits = [backoff(attempt, 1.0).total_seconds() for attempt in range(1, 10)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert backoff(10**6, 1.5) == timedelta(seconds=900)
    assert backoff(1, 0.5) == timedelta(seconds=2.5)
    assert backoff(1, 1.0, retry_after=30.0) == timedelta(seconds=30)
    assert backoff(8, 1.0, retry_after=30.0) == timedelta(seconds=600)


ALLOWED = {
    (S.DUE, S.CLAIMED), (S.DUE, S.SUPERSEDED), (S.DUE, S.SUPPRESSED), (S.DUE, S.EXPIRED),
    (S.CLAIMED, S.DUE), (S.CLAIMED, S.SENDING), (S.CLAIMED, S.SUPERSEDED), (S.CLAIMED, S.SUPPRESSED),
    (S.CLAIMED, S.EXPIRED),
    (S.SENDING, S.DUE), (S.SENDING, S.UNKNOWN), (S.SENDING, S.SUPERSEDED),
    (S.UNKNOWN, S.DUE), (S.UNKNOWN, S.SUPERSEDED), (S.UNKNOWN, S.EXPIRED),
    (S.SENT, S.FAILED), (S.SENT, S.UNDELIVERED), (S.SENT, S.DELIVERED),
    (S.FAILED, S.UNDELIVERED), (S.FAILED, S.DELIVERED), (S.UNDELIVERED, S.DELIVERED),
} | set(
    product(
        (S.DUE, S.CLAIMED, S.SENDING, S.UNKNOWN, S.SUPERSEDED, S.EXPIRED),
        (S.SENT, S.FAILED, S.UNDELIVERED, S.DELIVERED),
    )
)  # fmt: skip


@pytest.mark.parametrize(("old", "new"), list(product(S, S)), ids=str)
def test_states_only_move_forward(old: MessageState, new: MessageState) -> None:
    assert may_follow(old, new) is ((old, new) in ALLOWED)


def test_what_is_being_posted_is_not_set_aside() -> None:
    assert not any(may_follow(S.SENDING, new) for new in (S.SUPPRESSED, S.EXPIRED, S.CLAIMED))


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", S.SENT), ("accepted", S.SENT), ("sending", S.SENT), ("sent", S.SENT), ("Delivered", S.DELIVERED),
        ("undelivered", S.UNDELIVERED), ("failed", S.FAILED), ("canceled", S.FAILED), ("read", S.DELIVERED),
        ("received", None), ("", None), ("due", None),
    ],
)  # fmt: skip
def test_the_providers_words_become_ours(word: str, state: MessageState | None) -> None:
    assert receipt_state(word) is state
