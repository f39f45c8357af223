"""Which other time is offered, when a text goes, until when one may answer. Pure: told the time and the zone."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from booking.appointments.closing.errors import ClosingRefused
from booking.appointments.rules import overlaps
from booking.messages.rules import EARLY, QUIET_UNTIL, is_quiet

UNDO_FOR: Final = timedelta(minutes=10)
"""How long the SMS of a closing wait, unless they are to go at once; so long it can be undone."""

LONGEST: Final = timedelta(days=62)
"""A closing spans at most so much: what lasts longer is a matter of the timetable."""

SEARCH: Final = timedelta(days=30)
"""How far from the old time another one is looked for."""

NOTICE: Final = timedelta(hours=1)
"""What should lie between the SMS and the new time."""

OTHER_HALF: Final = 2
"""A time in the other half of the day counts as so many days further away."""

TIME_TO_ANSWER: Final = timedelta(hours=2)
DAY_BEFORE: Final = timedelta(hours=24)
LAST_CALL: Final = timedelta(hours=1)
"""Whoever was asked is telephoned a day before the visit, but has two hours to answer, or until an hour before it."""

USEFUL: Final = timedelta(hours=1)
"""A text about a time that is closed helps somebody on her way, too."""

_NOON: Final = time(12)


@dataclass(frozen=True, slots=True)
class Time:
    """A slot that could be taken; moments are UTC."""

    slot_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OtherVisit:
    """Another visit of the same person: she must be able to manage both."""

    starts_at: datetime
    ends_at: datetime
    same_place: bool
    same_service: bool


def check_span(starts_at: datetime, ends_at: datetime, *, now: datetime) -> None:
    """Whether times may be closed over this span.

    Raises:
        ClosingRefused: `reason` is span, past or long.
    """
    if ends_at <= starts_at:
        raise ClosingRefused(reason="span", field="to_day")
    if ends_at <= now:
        raise ClosingRefused(reason="past", field="to_day")
    if ends_at - starts_at > LONGEST:
        raise ClosingRefused(reason="long", field="to_day", days=LONGEST.days)


def offered(
    old_start: datetime,
    free: Iterable[Time],
    *,
    told_at: datetime,
    others: Sequence[OtherVisit] = (),
    zone: tzinfo,
    most: int = 1,
    a_day: int | None = None,
    without: Collection[int] = (),
    earlier: bool = False,
) -> list[Time]:
    """The times to offer instead of one that is closed, the best first: soon after it, and in the same half of the day.

    None is before the old one (she kept herself free from then on), nor sooner than an hour after the text goes out.
    Only where she chooses herself may she be shown `earlier` ones, which are then all before the old one.

    Args:
        old_start: when the visit was to begin, UTC.
        free: times of the same service with a free place.
        told_at: when the text goes out, UTC.
        others: what else she has; one live visit a service and day.
        zone: of the facility.
        most: how many are wanted.
        a_day: at most so many of one day; None for no limit.
        without: slots that were tried already.
        earlier: times before the old one instead of after it.
    """
    taken_days = {_day(other.starts_at, zone) for other in others if other.same_service}
    possible = [
        one
        for one in free
        if one.slot_id not in without
        and (one.starts_at < old_start if earlier else one.starts_at > old_start)
        and one.starts_at >= told_at + NOTICE
        and abs(one.starts_at - old_start) <= SEARCH
        and _day(one.starts_at, zone) not in taken_days
        and not any(_clash(one, other) for other in others)
    ]
    ranked = sorted(possible, key=lambda one: rank(old_start, one, zone))
    return _spread(ranked, a_day, zone)[:most] if a_day else ranked[:most]


def _spread(ranked: Sequence[Time], a_day: int, zone: tzinfo) -> list[Time]:
    """The first few of each day, in their order."""
    seen: Counter[date] = Counter()
    kept = []
    for one in ranked:
        day = _day(one.starts_at, zone)
        seen[day] += 1
        if seen[day] <= a_day:
            kept.append(one)
    return kept


def rank(old_start: datetime, one: Time, zone: tzinfo) -> tuple[int, timedelta, datetime, int]:
    """How far a time is from the old one; a smaller rank is offered first, and no two times rank alike.

    The day counts first (the other half of the day as if it were two days later), then the hour of the day.
    """
    old, new = old_start.astimezone(zone), one.starts_at.astimezone(zone)
    days = abs((new.date() - old.date()).days)
    other_half = (old.time() < _NOON) != (new.time() < _NOON)
    away = abs(_since_midnight(new) - _since_midnight(old))
    return days + (OTHER_HALF if other_half else 0), away, one.starts_at, one.slot_id


def _since_midnight(moment: datetime) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)


def _clash(one: Time, other: OtherVisit) -> bool:
    return overlaps((one.starts_at, one.ends_at), (other.starts_at, other.ends_at), same_place=other.same_place)


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def tell_at(due_at: datetime, visit_starts_at: datetime, zone: tzinfo) -> datetime:
    """When the text of one visit goes: when it is due, or when the night is over, if that is early enough, UTC."""
    if not is_quiet(due_at, zone):
        return due_at
    local = due_at.astimezone(zone)
    day = local.date() + timedelta(days=0 if local.time() < QUIET_UNTIL else 1)
    morning = datetime.combine(day, QUIET_UNTIL, zone).astimezone(due_at.tzinfo)
    return morning if visit_starts_at - morning >= EARLY else due_at


def answer_by(told_at: datetime, starts_at: datetime) -> datetime:
    """Until when somebody who was asked may answer by herself; after that staff telephone."""
    wished = max(told_at + TIME_TO_ANSWER, starts_at - DAY_BEFORE)
    return max(told_at, min(wished, starts_at - LAST_CALL))


def may_undo(*, sms_due_at: datetime, send_now: bool, now: datetime) -> bool:
    """Whether nobody was told yet."""
    return not send_now and now < sms_due_at
