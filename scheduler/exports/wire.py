"""What the process that reads a file tells the one that applies it: JSON, an item a line, and a last line.

The reading process has met bytes that anybody may have written. So nothing it says is believed for its shape: each
line is read as if a stranger had sent it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import Any, Final

import orjson

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import NoteReason, RefusalReason, SkipReason, UnreadableReason
from booking.exchange.marks import SIZE, SORTS
from booking.exchange.rules import Refused, StagedRow, Trace
from scheduler.exports import slip_wire
from scheduler.exports.reader import Note, Skipped
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.slip_feed import AnyFeed, SlipFeed
from scheduler.exports.staging import QUOTED, Item, is_code
from scheduler.exports.wording import explain_note, explain_refusal, explain_unreadable

LONGEST_KEY: Final = 500
"""Characters of an id; longer ones cannot be looked up."""
LONGEST_LINE: Final = 1_000_000
_LONGEST_TEXT: Final = 2_000
_LISTED: Final = 200
_TRACES: Final = 4
"""So many rows one that is torn may be."""
_ROW, _REFUSED, _SKIPPED, _NOTE, _END, _UNREADABLE, _SLIP = range(7)


class Garbled(Exception):
    """The reading process said something that no reader says."""


def most_items(feed: AnyFeed) -> int:
    """So many items a file may make: of a row it and a note, of a message several practitioners."""
    return 4 * feed.limits.rows + 1_000


def line_of(item: Item) -> bytes:
    """One item as a line.

    Raises:
        ExportUnreadable: it holds signs or lengths that cannot be kept, whatever the format.
    """
    plain = _plain(item)
    try:
        told = orjson.dumps(plain)
    except TypeError as error:  # half a surrogate pair
        raise ExportUnreadable(
            UnreadableReason.DAMAGED, why=f"line {item.line} holds signs that no text has"
        ) from error
    if b"\\u0000" in told and _has_nul(plain):
        raise ExportUnreadable(UnreadableReason.NUL_BYTE, line=item.line)
    return told + b"\n"


def end_of(count: int) -> bytes:
    """The last line of a file that was read to its end: how many items there were."""
    return orjson.dumps([_END, count]) + b"\n"


def unreadable_of(error: ExportUnreadable) -> bytes:
    """The last line of a file that cannot be read."""
    facts = {name: fact for name, fact in error.facts.items() if name != "reason"}
    told = orjson.dumps([_UNREADABLE, error.reason.value, _safe(facts)], option=orjson.OPT_NON_STR_KEYS)
    return told + b"\n"


def _plain(item: Item) -> list[Any]:
    if isinstance(item, StagedRow):
        if item.row_key is not None and len(item.row_key) > LONGEST_KEY:
            raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=item.line, limit=LONGEST_KEY)
        start, end = item.starts_at, item.ends_at
        state, flags = item.state_text, item.closes + 2 * item.offers
        told = [_ROW, item.line, item.row_key, item.resource, start, end, state, flags, item.our_code]
        return [*told, *item.marks]
    if isinstance(item, ReexamSlip):
        return [_SLIP, *slip_wire.plain(item)]
    if isinstance(item, Skipped):
        return [_SKIPPED, item.line, item.reason.value, [item.key, item.amiss], *map(_trace, item.traces)]
    if isinstance(item, Refused):
        return [_REFUSED, item.line, item.reason.value, dict(item.facts), *map(_trace, item.traces)]
    return [_NOTE, item.line, item.reason.value, dict(item.facts)]


def _trace(trace: Trace) -> list[Any]:
    key = trace.row_key if trace.row_key is None else trace.row_key[: LONGEST_KEY + 1]
    told = [key, trace.resource, trace.starts_at, trace.lets_go, trace.state_text]
    return [*told, True] if trace.off else told


def _has_nul(found: object) -> bool:
    if isinstance(found, dict):
        return any(map(_has_nul, found.values()))
    return any(map(_has_nul, found)) if isinstance(found, list) else isinstance(found, str) and "\0" in found


def _safe(found: object) -> object:
    """Facts with every sign that can be kept, none other: a header may hold anything."""
    if isinstance(found, Mapping):
        return {str(_safe(str(name))): _safe(value) for name, value in list(found.items())[:_LISTED]}
    if isinstance(found, list | tuple):
        return [_safe(each) for each in found[:_LISTED]]
    if isinstance(found, int) or found is None:
        return found
    text = str(found)[:_LONGEST_TEXT]
    return "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in text)


class Listener:
    """Reads the lines of one file, of one feed.

    Attributes:
        ended: the last line was there: the file was read to its end, and nothing is missing.
    """

    def __init__(self, feed: AnyFeed) -> None:
        self._slips = feed if isinstance(feed, SlipFeed) else None
        self._resources = set() if isinstance(feed, SlipFeed) else set(feed.resources)
        self._keyed = not isinstance(feed, SlipFeed) and feed.columns.id is not None
        self._calendar = feed.source.format == "ical"
        self._marked = not isinstance(feed, SlipFeed) and feed.marks_people
        self._rows, self._most = feed.limits.rows, most_items(feed)
        self._count = 0
        self.ended = False

    def hear(self, line: bytes) -> Item | None:
        """One item; None for the last line.

        Raises:
            ExportUnreadable: the reader says so.
            Garbled: nothing a reader says.
        """
        if self.ended:
            raise Garbled("more after the end")
        try:
            told = orjson.loads(line)
            kind = told[0]
            if kind == _UNREADABLE:
                raise _unreadable(told)
            if kind == _END:
                self.ended = _number(told[1]) == self._count and len(told) == 2  # noqa: PLR2004
                return None
            self._count += 1
            if self._count > self._most:
                raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=self._rows)
            if kind == _SLIP and self._slips is not None:
                return slip_wire.heard(self._slips, *told[1:])
            return self._row(*told[1:]) if kind == _ROW else self._other(kind, *told[1:])
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise Garbled(type(error).__name__) from error

    def _row(
        self, line: int, key: str | None, resource: str, start: str, end: str | None, state: str, flags: int,
        code: str | None, *marks: str,
    ) -> StagedRow:  # fmt: skip
        has_key = key is not None
        if len(marks) > (len(SORTS) if self._marked else 0):
            raise ValueError(len(marks))
        if resource not in self._resources or has_key is not self._keyed:
            raise ValueError(resource)
        closes, offers = flags == 1, flags == 2  # noqa: PLR2004  as `_plain` writes them
        if flags not in (0, 1, 2) or (offers and self._calendar):
            raise ValueError(flags)
        starts_at, ends_at = _moment(start), None if end is None else _moment(end)
        if ends_at is not None and ends_at <= starts_at:
            raise ValueError(end)
        return StagedRow(
            _number(line),
            None if key is None else _text(key, LONGEST_KEY),
            intern(resource),
            starts_at,
            ends_at,
            intern(_text(state, QUOTED)),
            closes,
            offers,
            None if code is None else _code(code),
            tuple(map(_mark, marks)),
        )

    def _other(self, kind: int, line: int, reason: str, told: Any, *seen: Any) -> Item:
        if kind not in (_SKIPPED, _REFUSED, _NOTE) or len(seen) > (0 if kind == _NOTE else _TRACES):
            raise ValueError(kind)
        traces = tuple(self._trace(*each) for each in seen)
        if kind == _SKIPPED:
            key, amiss = told
            return Skipped(_number(line), SkipReason(reason), _text(key, _LONGEST_TEXT), _flag(amiss), traces)
        facts = {_text(name, QUOTED): _fact(fact) for name, fact in told.items()}
        if kind == _REFUSED:
            refused = Refused(_number(line), RefusalReason(reason), facts, traces)
            explain_refusal(refused)
            return refused
        note = Note(_number(line), NoteReason(reason), facts)
        explain_note(note)
        return note

    def _trace(
        self, key: str | None, resource: str | None, start: str | None, lets_go: object, state: str, *off: object
    ) -> Trace:
        if (key is not None and not self._keyed) or (resource is not None and resource not in self._resources):
            raise ValueError(resource)
        if len(off) > 1 or any(each is not True or lets_go is not True for each in off):
            raise ValueError(off)
        return Trace(
            None if key is None else _text(key, LONGEST_KEY + 1),
            None if resource is None else intern(resource),
            None if start is None else _moment(start),
            _flag(lets_go),
            intern(_text(state, QUOTED)),
            bool(off),
        )


def _unreadable(told: list[Any]) -> ExportUnreadable:
    facts = {_text(name, QUOTED): _safe(fact) for name, fact in told[2].items() if name != "reason"}
    error = ExportUnreadable(UnreadableReason(told[1]), **facts)
    explain_unreadable(error)  # what has no words is nothing a reader says
    return error


def _number(found: object) -> int:
    if type(found) is not int or not 0 <= found < 1 << 53:
        raise ValueError(found)
    return found


def _flag(found: object) -> bool:
    if type(found) is not bool:
        raise ValueError(type(found))
    return found


def _text(found: object, most: int) -> str:
    if type(found) is not str or len(found) > most or "\0" in found:
        raise ValueError(type(found))
    return found


def _code(found: object) -> str:
    text = _text(found, LONGEST_KEY)
    if not is_code(text):
        raise ValueError(len(text))
    return text


def _mark(found: object) -> str:
    text = _text(found, SIZE)
    if len(bytes.fromhex(text)) * 2 != SIZE:
        raise ValueError(len(text))
    return text


def _fact(found: object) -> str | int:
    return _number(found) if type(found) is int else _text(found, _LONGEST_TEXT)


@lru_cache(maxsize=20_000)  # the times of a hospital's day are the same for each of its doctors
def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)
