"""Which text may ring at night, and how long a carrier may keep one. Pure: told the time and the zone.

Nobody is woken but by a code she asked for, by what she has just done herself, or where she would set out in vain. That
holds for the post and for the carrier: one that has a text in its queue, or finds the telephone off, tries for hours
unless it is told when to end. What ends so fails for what passes, and goes once more in the morning.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Final

from booking.messages import rules
from booking.messages.kinds import MessageKind, SuppressedReason

_BY_DAY: Final = (MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS, MessageKind.OFFER, MessageKind.INVITATION)
"""Not sent at night. An offer written before it, when the carrier was away, is over by the morning and expires."""

_FRESH: Final = timedelta(minutes=15)
"""So long after it was written a text may go at night too: whoever booked or changed something is awake. One that is
let go later, because a budget is new at midnight or the channel was repaired, wakes her for old news."""

_IN_VAIN: Final = (
    MessageKind.MOVED, MessageKind.CANCELLED, MessageKind.MOVED_BY_FACILITY, MessageKind.CANCELLED_BY_FACILITY,
    MessageKind.CHOOSE, MessageKind.CONFLICT,
)  # fmt: skip
"""Without these somebody sets out in vain: of a visit early in the morning they do not wait for its day."""

_NEAR: Final = timedelta(minutes=5)
"""What would leave so shortly before the night waits for its end: a carrier in a rush needs this long for a text."""

_LEAST: Final = timedelta(minutes=1)
"""Given in any case to what cannot wait: a provider discards a text that stays in its queue for longer than allowed."""


def awake_until(created_at: datetime, *, once_more: bool) -> datetime | None:
    """Until when whoever a text is for is awake at night too, having just done what it tells of; None: asleep."""
    return None if once_more else created_at + _FRESH


def rests_until(
    kind: MessageKind, useful_until: datetime, awake: datetime | None, *, now: datetime, zone: tzinfo
) -> datetime | SuppressedReason | None:
    """When a text goes that is not to ring now, or why it never does; None where it goes now."""
    quiet = rules.is_quiet(now, zone)
    if not quiet and not rules.is_quiet(now + _NEAR, zone):
        return None
    morning = _morning(now if quiet else now + _NEAR, zone)
    left = useful_until - morning
    fresh = awake is not None and now <= awake
    if kind is MessageKind.OTP or (kind not in _BY_DAY and (fresh or _wakes(kind, left))):
        return None
    if left > timedelta(0):
        return morning
    return SuppressedReason.QUIET_HOURS if quiet else None  # the evening is still long enough for it, or nothing is


def carried_until(
    kind: MessageKind, useful_until: datetime, awake: datetime | None, *, now: datetime, zone: tzinfo
) -> datetime:
    """Until when a carrier may deliver a text that goes now: as long as it is of use, and not in the night.

    Args:
        kind: what it is for.
        useful_until: until when it is of use.
        awake: until when its reader is awake anyway (`awake_until`).
        now: when it is posted.
        zone: of the facility.
    """
    if kind is MessageKind.OTP:
        return useful_until
    least = now if kind in _BY_DAY else max(now, awake or now)
    night = least if rules.is_quiet(least, zone) else rules.next_local(least, rules.QUIET_FROM, zone)
    if kind not in _BY_DAY and _wakes(kind, useful_until - _morning(night, zone)):
        return useful_until
    return min(useful_until, max(night, now + _LEAST))


def _wakes(kind: MessageKind, left: timedelta) -> bool:
    """Whether a text is worth waking for, with so much of its use left in the morning: all else is told by day.

    A visit before seven is; how late a line was is not.
    """
    return left <= rules.EARLY if kind in _IN_VAIN else kind is MessageKind.BOOKED and left < timedelta(0)


def _morning(night: datetime, zone: tzinfo) -> datetime:
    """The end of the quiet hours that this moment lies in, UTC."""
    return rules.next_local(night, rules.QUIET_UNTIL, zone)
