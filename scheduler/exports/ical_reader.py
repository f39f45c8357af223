"""Calendars (iCalendar): events and busy times close, and nothing in them ever opens a time.

What an event is about is not read: people write names there.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

import icalendar

from booking.clock import day_bounds
from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import RefusalReason, UnreadableReason
from booking.exchange.rules import Refused, Span
from scheduler.exports.encodings import not_decodable, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.ical_event import BrokenEventError, Time, name, text, times
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

_BEHIND, _AHEAD = timedelta(days=31), timedelta(days=400)
"""What is asked of events that repeat, where the feed states no coverage."""

_END: Final = "END:VCALENDAR"
_UNREAD: Final = (ValueError, KeyError, TypeError, AttributeError, IndexError)
_BROKEN_TIME: Final = "broken"

Found = Record | Refused | Skipped


class IcalReader:
    """One record for each time of an event; `line` is the number of the event in the file."""

    def records(self, feed: Feed, stream: BinaryIO, today: date, /) -> Iterator[Found]:
        """Records in the order of the events; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found not in ("ical", "text"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="ical", looks_like=found)
        raw, encoding = open_text(feed.csv.encoding, stream)
        try:
            whole = raw.read()
        except UnicodeDecodeError as error:
            raise not_decodable(feed.csv.encoding, stream) from error
        finally:
            raw.detach()
        yield from _records(feed, _calendars(encoding.mend(whole) if encoding.mend else whole), today)


def _calendars(whole: str) -> list[Any]:
    if not whole.strip():
        raise ExportUnreadable(UnreadableReason.EMPTY)
    if not whole.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="ical", looks_like="text")
    if not whole.rstrip().upper().endswith(_END):
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what=_END)
    if "\0" in whole:
        raise ExportUnreadable(UnreadableReason.NUL_BYTE, line=whole.count("\n", 0, whole.index("\0")) + 1)
    _check_nesting(whole)
    try:
        return list(icalendar.Calendar.from_ical(whole, multiple=True))
    except _UNREAD as error:
        raise ExportUnreadable(UnreadableReason.DAMAGED, why="its lines are no calendar") from error


def _check_nesting(whole: str) -> None:
    """Each part ends where it should: the library would pass over one that does not."""
    open_parts: list[str] = []
    for line in whole.splitlines():
        edge, _, part = line.strip().upper().partition(":")
        if edge == "BEGIN":
            open_parts.append(part)
        elif edge == "END" and (not open_parts or open_parts.pop() != part):
            raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"a {part[:20]} ends that has not begun")
    if open_parts:
        raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"a {open_parts[-1][:20]} never ends")


def _records(feed: Feed, calendars: list[Any], today: date) -> Iterator[Found]:
    span = feed.window(today) or (day_bounds(today - _BEHIND)[0], day_bounds(today + _AHEAD)[1])
    number = count = 0
    for calendar in calendars:
        events = _newest(calendar)
        moved = _moved(events)
        for event in [*events, *calendar.walk("VFREEBUSY")]:
            number += 1
            for found in _of_event(feed, calendar, event, number, span, moved):
                count += 1
                if count > feed.limits.rows:
                    raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=feed.limits.rows)
                yield found


def _newest(calendar: Any) -> list[Any]:
    """Each event once, in its newest version, where it stood first."""
    found: dict[tuple[str, str], Any] = {}
    for place, event in enumerate(calendar.walk("VEVENT")):
        key = (str(event.get("UID", f"line {place}")), _replaces(event))
        known = found.get(key)
        if known is None or _sequence(event) >= _sequence(known):
            found[key] = event
    return list(found.values())


def _sequence(event: Any) -> int:
    number = event.get("SEQUENCE")
    return number if isinstance(number, int) else 0


def _replaces(event: Any) -> str:
    """Which time of an event that repeats this one stands for; empty where it stands for itself."""
    try:
        found = getattr(event.get("RECURRENCE-ID"), "dt", None)
    except _UNREAD:
        return _BROKEN_TIME  # it is refused later on, and stands for no event that is sound
    return name(found) if isinstance(found, date) else ""


def _moved(events: list[Any]) -> dict[str, list[str]]:
    moved: dict[str, list[str]] = {}
    for event in events:
        if original := _replaces(event):
            moved.setdefault(str(event.get("UID", "")), []).append(original)
    return moved


def _of_event(
    feed: Feed, calendar: Any, event: Any, number: int, span: Span, moved: dict[str, list[str]]
) -> Iterator[Found]:
    if event.errors:
        what = sorted({str(part) for part, _ in event.errors if part})
        yield Refused(number, RefusalReason.BROKEN_MESSAGE, {"why": f"cannot be read: {', '.join(what)[:60]}"})
        return
    uid, replaces = str(event.get("UID", "")), _replaces(event)
    try:
        if event.name == "VFREEBUSY":
            found = list(_busy(event))
        else:
            later = str(getattr(event.get("RECURRENCE-ID"), "params", {}).get("RANGE", ""))
            if later:
                raise BrokenEventError("it changes this time and all later ones")
            own = [] if replaces else moved.get(uid, [])
            found = list(times(event, span, ZoneInfo(feed.times.zone), own))
    except (BrokenEventError, *_UNREAD) as error:
        why = str(error) if isinstance(error, BrokenEventError) else "its times cannot be read"
        yield Refused(number, RefusalReason.BROKEN_MESSAGE, {"why": why})
        return
    for one in found:
        yield Record(number, _cells(feed, calendar, event, uid, one, replaces))


def _busy(event: Any) -> Iterator[Time]:
    """The busy times of a VFREEBUSY; free ones say nothing, because nothing here opens."""
    found = event.get("FREEBUSY")
    for period in found if isinstance(found, list) else [] if found is None else [found]:
        if str(period.params.get("FBTYPE", "BUSY")).upper() == "FREE":
            continue
        start, end = period.dt
        yield Time(start, start + end if isinstance(end, timedelta) else end, name(start))


def _cells(feed: Feed, calendar: Any, event: Any, uid: str, one: Time, replaces: str) -> dict[str, str]:
    original = one.original or replaces
    said = {
        "id": f"{uid} {original}".strip() if uid else "",
        "start": text(one.start),
        "end": text(one.end) if one.end is not None else "",
        "state": _state(event),
        "calendar": _plain(str(calendar.get("X-WR-CALNAME", ""))),
        "location": _first(event, "LOCATION"),
        "organizer": _first(event, "ORGANIZER"),
        "categories": _categories(event),
    }
    return {
        field: next((found for place in places if (found := place[1:] if place[0] == "=" else said[place])), "")
        for field, places in feed.columns.aliases().items()
    }


def _plain(text: str) -> str:
    """A text that the library leaves as it is written, because it knows no type of its property."""
    return re.sub(r"\\([,;\\nN])", lambda found: " " if found[1] in "nN" else found[1], text)


def _state(event: Any) -> str:
    """One word: what does not block its owner is TRANSPARENT, whatever else it is."""
    status = _first(event, "STATUS").upper()
    if status == "CANCELLED" or _first(event, "TRANSP").upper() != "TRANSPARENT":
        return status or "CONFIRMED"
    return "TRANSPARENT"


def _first(event: Any, key: str) -> str:
    found = event.get(key)
    return str((found[0] if found else "") if isinstance(found, list) else "" if found is None else found)


def _categories(event: Any) -> str:
    found = event.get("CATEGORIES")
    one = found[0] if isinstance(found, list) and found else found
    return str(next(iter(getattr(one, "cats", ())), ""))
