"""When a reminder goes, how long a text is useful, which state may follow which. Pure: told the time and the zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from booking.messages.kinds import MessageKind, MessageState, SuppressedReason

QUIET_FROM: Final = time(21, 0)
QUIET_UNTIL: Final = time(7, 0)
"""Reminders wake nobody between these; 21:00 itself is quiet, 07:00 is not."""

EARLY: Final = timedelta(hours=4)
"""A visit that begins within this of the end of the night: that it is off is told in the night itself."""

DAY_BEFORE_AT: Final = time(18, 0)
HOURS_BEFORE: Final = timedelta(hours=2)
EVENING: Final = time(20, 30)
"""Where a reminder goes that would fall into the night and has no useful time in the morning."""

LEAST_NOTICE: Final = timedelta(minutes=30)
"""A reminder shifted to the morning must leave this long to set out."""

LAST_USE: Final = timedelta(minutes=15)
"""How long before the visit a delayed reminder still helps."""

AFTER_BOOKING: Final = timedelta(hours=2)
"""A reminder within this of the confirmation repeats what was just read."""

AFTER_REMINDER: Final = timedelta(hours=3)
"""Likewise a reminder within this of the other one."""

_BACKOFF_FIRST: Final = 5.0
_BACKOFF_MOST: Final = 600.0
_VALID_MOST: Final = 36_000  # seconds; the provider's maximum

_ON: Final[dict[MessageState, frozenset[MessageState]]] = {
    MessageState.DUE: frozenset({
        MessageState.CLAIMED, MessageState.SUPERSEDED, MessageState.SUPPRESSED, MessageState.EXPIRED,
    }),
    MessageState.CLAIMED: frozenset({
        MessageState.DUE,  # the lease ran out, or the channel is held: nothing was posted
        MessageState.SENDING, MessageState.SUPERSEDED, MessageState.SUPPRESSED, MessageState.EXPIRED,
    }),
    MessageState.SENDING: frozenset({
        MessageState.DUE,  # certainly refused, and worth another try
        MessageState.UNKNOWN,
        MessageState.SUPERSEDED,  # certainly refused, and the visit had changed meanwhile
    }),
    MessageState.UNKNOWN: frozenset({
        MessageState.DUE,  # settled: it did not go; at most one more send
        MessageState.SUPERSEDED, MessageState.EXPIRED,
    }),
}  # fmt: skip
"""The steps we decide ourselves. Only from `due`, `claimed` and `unknown` can a text be called back at once."""

_PROOF: Final = {
    MessageState.SENT: 1,
    MessageState.FAILED: 2,
    MessageState.UNDELIVERED: 3,
    MessageState.DELIVERED: 4,
}
"""The rank of what the provider and the carrier tell us: a higher one is never taken back, in whatever order they come.

`delivered` outranks `undelivered`: an acknowledgement that arrives late is evidence of arrival, while giving up is only
the lack of it; the other way round staff would telephone a patient who has read her text.
"""

_RECEIPTS: Final = {
    "accepted": MessageState.SENT,
    "scheduled": MessageState.SENT,
    "queued": MessageState.SENT,
    "sending": MessageState.SENT,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}


@dataclass(frozen=True, slots=True)
class ReminderTimes:
    """When the reminders of a service go; None for a reminder it does not send.

    Attributes:
        day_before_at: the clock of the day before, in the zone of the facility.
        before: how long before the visit the other one goes; more than `LAST_USE`.
    """

    day_before_at: time | None = DAY_BEFORE_AT
    before: timedelta | None = HOURS_BEFORE


USUAL: Final = ReminderTimes()


@dataclass(frozen=True, slots=True)
class Planned:
    """A reminder that will go. Both moments are UTC; `due_at` < `expires_at` <= the visit's start."""

    kind: MessageKind
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Dropped:
    """A reminder that will not go; its row says why."""

    kind: MessageKind
    reason: SuppressedReason


def may_follow(old: MessageState, new: MessageState) -> bool:
    """Whether a message in `old` may become `new`; staying the same is not a step.

    Evidence moves any message forward that was ever to be posted, also one we had set aside since: what a person has
    read counts, not what we wished. A suppressed message was never posted, so nothing follows it.
    """
    if new in _ON.get(old, frozenset()):
        return True
    return old is not MessageState.SUPPRESSED and _PROOF.get(new, 0) > _PROOF.get(old, 0)


def receipt_state(status: str) -> MessageState | None:
    """Our state for a provider's status word; None for a word that says nothing about this text's way."""
    return _RECEIPTS.get(status.strip().lower())


def is_quiet(moment: datetime, zone: tzinfo) -> bool:
    """Whether this moment lies in the night for the people of this zone."""
    clock = moment.astimezone(zone).time()
    return clock >= QUIET_FROM or clock < QUIET_UNTIL


def plan_reminders(
    starts_at: datetime, made_at: datetime, zone: tzinfo, times: ReminderTimes = USUAL
) -> list[Planned | Dropped]:
    """Both reminders of a visit, in order; `made_at` is when it was booked or last moved.

    The second is dropped where it comes right after the first: with a visit at 07:00 both would come on one evening.
    """
    day = plan_reminder(MessageKind.REMINDER_DAY, starts_at, made_at, zone, times)
    hours = plan_reminder(MessageKind.REMINDER_HOURS, starts_at, made_at, zone, times)
    if isinstance(day, Planned) and isinstance(hours, Planned) and abs(hours.due_at - day.due_at) < AFTER_REMINDER:
        hours = Dropped(MessageKind.REMINDER_HOURS, SuppressedReason.BESIDE_REMINDER)
    return [day, hours]


def plan_reminder(
    kind: MessageKind, starts_at: datetime, made_at: datetime, zone: tzinfo, times: ReminderTimes = USUAL
) -> Planned | Dropped:
    """When one reminder goes, or why it does not.

    Args:
        kind: REMINDER_DAY or REMINDER_HOURS; ValueError for another.
        starts_at: when the visit begins.
        made_at: when the visit was booked or last moved.
        zone: of the facility; all clocks below are local.
        times: when reminders of its service go.
    """
    due = _wished(kind, starts_at, zone, times)
    if due is None:
        return Dropped(kind, SuppressedReason.NOT_OFFERED)
    if is_quiet(due, zone):
        shifted = _out_of_the_night(kind, due, starts_at, zone)
        if shifted is None:
            return Dropped(kind, SuppressedReason.QUIET_HOURS)
        due = shifted
    expires = min(useful_until(kind, starts_at, zone), next_local(due, QUIET_FROM, zone))
    if due <= made_at or due >= expires:
        return Dropped(kind, SuppressedReason.TIME_PASSED)
    if due < made_at + AFTER_BOOKING:
        return Dropped(kind, SuppressedReason.BESIDE_BOOKING)
    return Planned(kind, due, expires)


def useful_until(kind: MessageKind, starts_at: datetime, zone: tzinfo) -> datetime:
    """Until when a text about a visit is worth sending, UTC.

    A one-time code has a life of its own and no visit: ValueError.
    """
    if kind is MessageKind.OTP:
        raise ValueError("a code expires by its own clock")
    if kind is MessageKind.REMINDER_DAY:  # its text says "tomorrow", and nobody is woken
        return _at(starts_at, QUIET_FROM, zone, days=-1)
    if kind is MessageKind.REMINDER_HOURS:
        return starts_at.astimezone(UTC) - LAST_USE
    return starts_at.astimezone(UTC)


def valid_seconds(expires_at: datetime, now: datetime) -> int | None:
    """How long the provider may keep a text queued, 1 to 36,000 seconds; None when it is too late to post it."""
    left = int((expires_at - now).total_seconds())
    return min(left, _VALID_MOST) if left >= 1 else None


def backoff(attempt: int, jitter: float, retry_after: float | None = None) -> timedelta:
    """The wait before the next try.

    Args:
        attempt: how many tries were made, from 1.
        jitter: a factor around 1 (`ids.jitter(0.5, 1.5)`), so that retries do not march in step.
        retry_after: seconds the provider asked for; never less is waited.
    """
    doubled = min(_BACKOFF_FIRST * 2.0 ** min(attempt - 1, 20), _BACKOFF_MOST)
    return timedelta(seconds=max(doubled * jitter, retry_after or 0.0))


def _wished(kind: MessageKind, starts_at: datetime, zone: tzinfo, times: ReminderTimes) -> datetime | None:
    if kind is MessageKind.REMINDER_DAY:
        return None if times.day_before_at is None else _at(starts_at, times.day_before_at, zone, days=-1)
    if kind is MessageKind.REMINDER_HOURS:
        return None if times.before is None else starts_at.astimezone(UTC) - times.before
    raise ValueError(f"{kind} is no reminder")


def _out_of_the_night(kind: MessageKind, due: datetime, starts_at: datetime, zone: tzinfo) -> datetime | None:
    """The end of this night if that is early enough, else the evening before it; None where neither will do."""
    evening_day = 0 if due.astimezone(zone).time() >= QUIET_FROM else -1
    morning = _at(due, QUIET_UNTIL, zone, days=evening_day + 1)
    evening = _at(due, EVENING, zone, days=evening_day)
    if kind is MessageKind.REMINDER_DAY:  # "tomorrow" must stay true
        wanted = starts_at.astimezone(zone).date() - timedelta(days=1)
        return next((one for one in (morning, evening) if one.astimezone(zone).date() == wanted), None)
    return morning if morning <= starts_at - LEAST_NOTICE else evening


def _at(moment: datetime, clock: time, zone: tzinfo, *, days: int = 0) -> datetime:
    """When the clock shows `clock` on the local day of `moment`, so many days on; UTC."""
    day = moment.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, clock, zone).astimezone(UTC)


def next_local(moment: datetime, clock: time, zone: tzinfo) -> datetime:
    """The first time after `moment` that the clock shows `clock`; UTC."""
    today = _at(moment, clock, zone)
    return today if today > moment else _at(moment, clock, zone, days=1)
