"""One event of a calendar: when it takes place, each time that it does. Pure but for its libraries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from dateutil.rrule import rruleset, rrulestr  # type: ignore[import-untyped]

from booking.exchange.rules import Span

NAMES: Final = ("id", "start", "end", "state", "calendar", "location", "organizer", "categories")
"""What a feed may name. Titles and descriptions are not among them: people write names of patients there."""

_TOO_OFTEN: Final = ("SECONDLY", "MINUTELY", "HOURLY")
_ALL_DAY: Final = timedelta(days=1)

Moment = datetime | date


class BrokenEventError(ValueError):
    """It cannot be told when it takes place; the message says why."""


@dataclass(frozen=True, slots=True)
class Time:
    """One time an event takes place. Values that name no zone are those of the feed; an end may be missing.

    `original` is when it was to be by the rule: with the event's UID it names this time and no other.
    """

    start: Moment
    end: Moment | None
    original: str


def times(event: Any, window: Span, zone: tzinfo, moved: Sequence[str]) -> Iterator[Time]:
    """The times of an event, of one that repeats those that touch the window.

    Args:
        event: of the icalendar library.
        window: the period that is asked about, UTC.
        zone: of values that name none.
        moved: originals that stand as events of their own.

    Something long that began before the window is told from the window's begin on: a doctor's leave must not end on its
    second day, and is missed in a later snapshot where it was taken back.

    Raises:
        BrokenEventError: no start, or a rule that cannot be followed.
    """
    start = _value(event, "DTSTART")
    if start is None:
        raise BrokenEventError("it has no start")
    length = _length(event, start)
    if "RRULE" not in event and "RDATE" not in event:
        yield _clipped(Time(start, None if length is None else start + length, ""), window, zone)
        return
    gone = {*moved, *(name(each) for each in _dates(event, "EXDATE"))}
    for each in _repeated(event, start, window, zone, length or _ALL_DAY):
        original = name(each)
        if original not in gone:
            yield _clipped(Time(each, None if length is None else each + length, original), window, zone)


def _clipped(one: Time, window: Span, zone: tzinfo) -> Time:
    since = window[0]
    if one.end is None or not _moment(one.start, zone) < since < _moment(one.end, zone):
        return one
    return Time(since, one.end, one.original)


def _moment(value: Moment, zone: tzinfo) -> datetime:
    whole = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    return whole if whole.tzinfo else whole.replace(tzinfo=zone)


def name(moment: Moment) -> str:
    """A time of an event as an id has it: the same however its zone is written."""
    if isinstance(moment, datetime):
        return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" if moment.tzinfo else f"{moment:%Y%m%dT%H%M%S}"
    return f"{moment:%Y%m%d}"


def text(moment: Moment) -> str:
    """As the format `iso` reads it, with a time of day and, where it has one, the offset."""
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)
    return whole.isoformat(timespec="seconds")


def _value(event: Any, key: str) -> Moment | None:
    found = getattr(event.get(key), "dt", None)
    return found if isinstance(found, date) else None


def _length(event: Any, start: Moment) -> timedelta | None:
    end, lasts = _value(event, "DTEND"), getattr(event.get("DURATION"), "dt", None)
    if end is not None and isinstance(end, datetime) == isinstance(start, datetime):
        try:
            return end - start
        except TypeError as error:  # one of them names a zone, the other does not
            raise BrokenEventError("its start and end are of two sorts") from error
    if end is not None:
        raise BrokenEventError("its start and end are of two sorts")
    if isinstance(lasts, timedelta):
        return lasts
    return None if isinstance(start, datetime) else _ALL_DAY


def _dates(event: Any, key: str) -> list[Moment]:
    found = event.get(key)
    lists = found if isinstance(found, list) else [] if found is None else [found]
    values = [one.dt for each in lists for one in getattr(each, "dts", ())]
    return [value[0] if isinstance(value, tuple) else value for value in values]  # a period begins with its start


def _repeated(event: Any, start: Moment, window: Span, zone: tzinfo, length: timedelta) -> Iterator[Moment]:
    """By the rule, on the clock of the event's own zone: a rule of a weekday is meant there."""
    own = start.tzinfo if isinstance(start, datetime) else None
    rules = rruleset()
    first = start if isinstance(start, datetime) else datetime.combine(start, time.min)
    naive = first.replace(tzinfo=None)
    rules.rdate(naive)
    for rule in _rules(event, own):
        try:
            rules.rrule(rrulestr(rule, dtstart=naive))
        except (ValueError, TypeError, KeyError) as error:
            raise BrokenEventError("its rule of repetition cannot be followed") from error
    for extra in _dates(event, "RDATE"):
        rules.rdate(_naive(extra, own))
    since, until = ((moment.astimezone(own or zone)).replace(tzinfo=None) for moment in window)
    for found in rules.between(since - length, until):
        yield found.replace(tzinfo=own) if isinstance(start, datetime) else found.date()


def _rules(event: Any, own: tzinfo | None) -> Iterator[str]:
    found = event.get("RRULE")
    for rule in found if isinstance(found, list) else [] if found is None else [found]:
        if str(rule.get("FREQ", [""])[0]).upper() in _TOO_OFTEN:
            raise BrokenEventError("it repeats more than once a day")
        plain = {key: value for key, value in rule.items() if key != "UNTIL"}
        written: str = type(rule)(plain).to_ical().decode()
        for until in rule.get("UNTIL", ()):
            written += f";UNTIL={_naive(until, own, late=True):%Y%m%dT%H%M%S}"
        yield written


def _naive(moment: Moment, own: tzinfo | None, *, late: bool = False) -> datetime:
    """On the event's clock; a day alone counts to its end where it is the last."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.max if late else time.min)
    return (moment.astimezone(own) if moment.tzinfo and own else moment).replace(tzinfo=None)
