"""Reminders over all days and clocks; states under any order of receipts; texts of any values."""

from datetime import UTC, datetime, time, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from booking.clock import ZONE, local_day
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.rules import (
    AFTER_BOOKING,
    AFTER_REMINDER,
    Dropped,
    Planned,
    ReminderTimes,
    backoff,
    is_quiet,
    may_follow,
    plan_reminders,
    receipt_state,
    valid_seconds,
)
from booking.messages.segments import cost
from booking.messages.texts import plain, render
from booking.messages.wordings import LONGEST

FEW = settings(max_examples=300, deadline=None)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


ODD_DAYS = [
    datetime(*day)  # noqa: DTZ001 - the zone is put on below
    for day in (
        (2026, 12, 31), (2027, 1, 1), (2028, 2, 28), (2028, 2, 29), (2028, 3, 1), (2027, 2, 28), (2027, 3, 1),
        (2027, 2, 5), (2027, 2, 6), (2027, 2, 7), (2028, 1, 25), (2028, 1, 26),  # Tết of 2027 and 2028
    )
]  # fmt: skip

any_start = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)),  # noqa: DTZ001 - the zone is put on below
    # the days a calendar gets wrong, and the hours in which the UTC date is another
    st.builds(
        lambda day, minute: day + timedelta(minutes=minute),
        st.sampled_from(ODD_DAYS),
        st.integers(0, 24 * 60 - 1),
    ),
).map(lambda moment: moment.replace(tzinfo=ZONE))

any_times = st.builds(
    ReminderTimes,
    st.none() | st.sampled_from([time(half // 2, half % 2 * 30) for half in range(48)]),
    st.none() | st.integers(30, 720).map(lambda minutes: timedelta(minutes=minutes)),
)

any_lead = st.one_of(st.timedeltas(timedelta(minutes=1), timedelta(days=3)), st.just(timedelta(days=20)))


@FEW
@given(any_start, any_lead)
@example(local("2027-01-01 00:10"), timedelta(days=2))
@example(local("2028-02-29 07:00"), timedelta(hours=13))
@example(local("2028-03-01 06:59"), timedelta(days=2))
def test_a_planned_reminder_is_useful_and_wakes_nobody(starts_at: datetime, lead: timedelta) -> None:
    made_at = starts_at - lead
    plans = plan_reminders(starts_at, made_at, ZONE)
    assert [one.kind for one in plans] == [MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS]
    going = [one for one in plans if isinstance(one, Planned)]
    for one in going:
        assert one.due_at < one.expires_at < starts_at
        assert one.due_at >= made_at + AFTER_BOOKING
        assert one.due_at.tzinfo is UTC
        assert not is_quiet(one.due_at, ZONE)
        assert not is_quiet(one.expires_at - timedelta(microseconds=1), ZONE)
        assert starts_at - one.due_at >= timedelta(minutes=30)
        if one.kind is MessageKind.REMINDER_DAY:
            assert local_day(one.due_at) == local_day(one.expires_at) == local_day(starts_at) - timedelta(days=1)
    if len(going) == 2:
        assert going[1].due_at - going[0].due_at >= AFTER_REMINDER


@FEW
@given(any_start, any_lead, any_times)
@example(local("2027-02-06 00:30"), timedelta(days=3), ReminderTimes(time(23, 30), timedelta(hours=12)))
@example(local("2028-02-29 06:59"), timedelta(days=3), ReminderTimes(time(0, 0), timedelta(minutes=30)))
def test_whatever_a_service_asks_for_nobody_is_woken_or_told_too_late(
    starts_at: datetime, lead: timedelta, times: ReminderTimes
) -> None:
    made_at = starts_at - lead
    for plan, asked in zip(
        plan_reminders(starts_at, made_at, ZONE, times), (times.day_before_at, times.before), strict=True
    ):
        if isinstance(plan, Dropped):
            assert (plan.reason is SuppressedReason.NOT_OFFERED) is (asked is None)
            continue
        assert asked is not None
        assert made_at + AFTER_BOOKING <= plan.due_at < plan.expires_at < starts_at
        assert not is_quiet(plan.due_at, ZONE)
        assert (valid_seconds(plan.expires_at, plan.due_at) or 0) <= (starts_at - plan.due_at).total_seconds()
        if plan.kind is MessageKind.REMINDER_DAY:
            assert local_day(plan.due_at) == local_day(starts_at) - timedelta(days=1)


@FEW
@given(any_start)
def test_a_visit_booked_days_ahead_always_gets_a_reminder(starts_at: datetime) -> None:
    day, hours = plan_reminders(starts_at, starts_at - timedelta(days=3), ZONE)
    assert isinstance(day, Planned)
    assert isinstance(hours, Planned) or starts_at.astimezone(ZONE).time().hour < 8 or starts_at.hour == 23


@FEW
@given(any_start, any_lead)
def test_the_zone_of_the_moments_does_not_matter(starts_at: datetime, lead: timedelta) -> None:
    made_at = starts_at - lead
    away = ZoneInfo("America/New_York")
    expected = plan_reminders(starts_at, made_at, ZONE)
    assert plan_reminders(starts_at.astimezone(away), made_at.astimezone(away), ZONE) == expected


@FEW
@given(any_start, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_booking_later_never_brings_a_reminder_back(starts_at: datetime, later: timedelta) -> None:
    early = plan_reminders(starts_at, starts_at - timedelta(days=2), ZONE)
    late = plan_reminders(starts_at, starts_at - timedelta(days=2) + later, ZONE)
    assert not (isinstance(early[0], Dropped) and isinstance(late[0], Planned))


words = st.lists(
    st.sampled_from(["queued", "sending", "sent", "delivered", "undelivered", "failed", "odd"]), max_size=4
)


@FEW
@given(words, st.sampled_from([MessageState.SENDING, MessageState.UNKNOWN, MessageState.DUE]))
def test_receipts_in_any_order_and_number_end_in_one_state(said: list[str], start: MessageState) -> None:
    ends = set()
    for order in permutations(said):
        state = start
        for word in (*order, *order):
            new = receipt_state(word)
            if new is not None and may_follow(state, new):
                state = new
        ends.add(state)
    assert len(ends) == 1


@FEW
@given(st.text(max_size=60))
def test_any_value_becomes_plain_and_stays_so(value: str) -> None:
    once = plain(value)
    assert plain(once) == once
    assert cost(once).encoding == "GSM-7"
    facts = dict(LONGEST) | {"facility": value}
    assert cost(render(MessageKind.BOOKED, "vi", facts)).encoding == "GSM-7"


@FEW
@given(st.text(max_size=400), st.text(max_size=5))
def test_a_longer_text_never_costs_less(text: str, more: str) -> None:
    assert cost(text).segments <= cost(text + more).segments
    assert cost(text).segments <= cost(text).units


@FEW
@given(st.integers(1, 10_000), st.floats(0.5, 1.5), st.none() | st.floats(0, 3600))
def test_a_wait_is_never_shorter_than_asked_nor_absurd(attempt: int, jitter: float, asked: float | None) -> None:
    wait = backoff(attempt, jitter, asked).total_seconds()
    assert 2.5 <= wait <= 3600
    assert wait >= round(asked or 0, 5) - 1e-5
