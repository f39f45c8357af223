"""Old news wakes nobody: what was held up goes when the night is over, unless somebody would set out in vain."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from booking.clock import at_local
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.preparing import Channel, set_aside

CHANNEL = Channel("twilio", "https://henkham.example", production=False)
EVENING = date(2026, 11, 30)
MIDNIGHT = at_local(EVENING + timedelta(days=1), time(0))
"""When a budget that was spent is new."""
MORNING = at_local(EVENING + timedelta(days=1), time(7))
NOT_CODES = [kind for kind in MessageKind if kind is not MessageKind.OTP]
IN_VAIN = [
    MessageKind.MOVED, MessageKind.CANCELLED, MessageKind.MOVED_BY_FACILITY, MessageKind.CANCELLED_BY_FACILITY,
    MessageKind.CHOOSE, MessageKind.CONFLICT,
]  # fmt: skip


def message(kind: MessageKind, *, created_at: datetime, useful_until: datetime) -> Message:
    return Message(
        public_id=UUID(int=1), subject_kind="appointment", subject_id=UUID(int=2), kind=kind, version=1, language="vi",
        facts={}, state=MessageState.CLAIMED,
        due_at=created_at, useful_until=useful_until, created_at=created_at, changed_at=created_at,
    )  # fmt: skip


def aside(kind: MessageKind, *, old: timedelta, useful: datetime, now: datetime = MIDNIGHT) -> object:
    """When it goes instead, or what became of it; None where it goes now."""
    written = set_aside(message(kind, created_at=now - old, useful_until=useful), CHANNEL, now=now)
    return None if written is None else (written["due_at"] if written["state"] is MessageState.DUE else written)


@pytest.mark.parametrize("kind", NOT_CODES)
def test_what_was_held_up_waits_for_the_morning(kind: MessageKind) -> None:
    assert aside(kind, old=timedelta(hours=5), useful=MORNING + timedelta(days=2)) == MORNING


@pytest.mark.parametrize("kind", [MessageKind.BOOKED, MessageKind.MOVED, MessageKind.CHOOSE, MessageKind.CANCELLED])
def test_who_has_just_done_something_is_awake(kind: MessageKind) -> None:
    assert aside(kind, old=timedelta(minutes=15), useful=MORNING + timedelta(days=2)) is None
    assert aside(kind, old=timedelta(minutes=16), useful=MORNING + timedelta(days=2)) == MORNING


def test_what_goes_once_more_because_it_did_not_arrive_wakes_nobody() -> None:
    again = message(MessageKind.BOOKED, created_at=MIDNIGHT, useful_until=MORNING + timedelta(days=2))
    again.once_more = True
    assert set_aside(again, CHANNEL, now=MIDNIGHT) == {"state": MessageState.DUE, "due_at": MORNING}


def test_a_code_always_goes() -> None:
    assert aside(MessageKind.OTP, old=timedelta(hours=1), useful=MORNING + timedelta(days=2)) is None


@pytest.mark.parametrize("kind", IN_VAIN)
def test_nobody_sets_out_in_vain_for_the_sake_of_her_sleep(kind: MessageKind) -> None:
    old = timedelta(hours=5)
    assert aside(kind, old=old, useful=MORNING + timedelta(minutes=30)) is None
    assert aside(kind, old=old, useful=MORNING + timedelta(hours=4)) is None
    assert aside(kind, old=old, useful=MORNING + timedelta(hours=4, minutes=1)) == MORNING


NEVER = {"state": MessageState.EXPIRED, "reason": SuppressedReason.QUIET_HOURS.value}


def test_a_confirmation_wakes_nobody_but_who_has_to_be_there_before_the_night_is_over() -> None:
    old = timedelta(hours=5)
    assert aside(MessageKind.BOOKED, old=old, useful=MORNING + timedelta(minutes=1)) == MORNING
    assert aside(MessageKind.BOOKED, old=old, useful=MORNING) == NEVER
    assert aside(MessageKind.BOOKED, old=old, useful=MORNING - timedelta(minutes=1)) is None


@pytest.mark.parametrize("kind", [kind for kind in NOT_CODES if kind not in (*IN_VAIN, MessageKind.BOOKED)])
def test_what_is_of_no_use_in_the_morning_and_no_news_of_an_early_visit_wakes_nobody(kind: MessageKind) -> None:
    two = MIDNIGHT + timedelta(hours=2)
    for useful in (MORNING, MORNING - timedelta(minutes=30)):
        assert aside(kind, old=timedelta(hours=6), useful=useful, now=two) == NEVER


@pytest.mark.parametrize("clock", [time(21), time(23, 59), time(6, 59)])
def test_both_halves_of_the_night_end_at_seven(clock: time) -> None:
    now = at_local(EVENING if clock.hour > 12 else EVENING + timedelta(days=1), clock)
    assert aside(MessageKind.BOOKED, old=timedelta(hours=1), useful=MORNING + timedelta(days=1), now=now) == MORNING


@pytest.mark.parametrize("clock", [time(7), time(20, 54)])
def test_by_day_nothing_waits(clock: time) -> None:
    now = at_local(EVENING, clock).astimezone(UTC)
    assert aside(MessageKind.BOOKED, old=timedelta(hours=9), useful=MORNING + timedelta(days=1), now=now) is None
