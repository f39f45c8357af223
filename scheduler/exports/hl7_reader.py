"""HL7 version 2 messages of a schedule (SIU): single ones, many in a file, in batches, or as MLLP sent them.

The columns of a feed name places in a message instead of headers: `SCH-2.1` is the first component of field 2 of its
SCH segment. The last message of a file about a visit is the one that counts; what it leaves out was said before it.
"""

import io
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import RefusalReason, SkipReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.encodings import Encoding, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.hl7_message import BrokenMessageError, Message, message_of
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

_TRAILERS: Final = {"FHS": "FTS", "BHS": "BTS"}
_MLLP_BEGIN, _MLLP_END = "\x0b", "\x1c"

Found = Record | Refused | Skipped
Segment = tuple[int, str]
_Row = tuple[int, *tuple[str, ...]]
"""A line and the cells in the order of the feed's fields."""


class Hl7Reader:
    """One record for each visit and practitioner (or room) it names, in the order of the first message about it."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Found]:
        """Records once the file has been read to its end; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found not in ("hl7", "text"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="hl7", looks_like=found)
        text, encoding = open_text(feed.csv.encoding, stream)
        try:
            yield from _records(feed, _segments(feed, text, encoding))
        except UnicodeDecodeError as error:
            raise ExportUnreadable(UnreadableReason.NOT_DECODABLE, encoding=feed.csv.encoding) from error
        finally:
            text.detach()


def _records(feed: Feed, segments: Iterator[Segment]) -> Iterator[Found]:
    visits = _Visits(feed)
    for count, (line, parts) in enumerate(_messages(segments), 1):
        if count > feed.limits.rows:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=feed.limits.rows)
        try:
            message = message_of(line, parts)
        except BrokenMessageError as error:
            yield Refused(line, RefusalReason.BROKEN_MESSAGE, {"why": str(error)})
            continue
        if message.at("MSH-9.1") != "SIU":
            yield Skipped(line, SkipReason.OTHER_MESSAGE)
        elif message.first("SCH") is None:
            yield Refused(line, RefusalReason.BROKEN_MESSAGE, {"why": "it has no SCH segment"})
        else:
            visits.take(message)
    yield from visits.records()


class _Visits:
    """What the messages say of each visit so far. All of them are held until the file has ended, so they are small."""

    def __init__(self, feed: Feed) -> None:
        self._aliases = feed.columns.aliases()
        self._names = tuple(self._aliases)
        places = [place for name in self._names if name.startswith("resource.") for place in self._aliases[name]]
        self._many = {place[:3] for place in places}
        self._who = [place for place, name in enumerate(self._names, 1) if name.startswith("resource.")]
        self._told: dict[object, tuple[_Row, ...]] = {}
        self._same: dict[str, str] = {}  # one object for each text: begins, doctors and states come again and again

    def take(self, message: Message) -> None:
        """One more message, over those before it about the same visit."""
        told = [self._cells(message, number) for number in range(self._resources(message))]
        visit = told[0].get("id") or message.line  # without an id nothing is known of earlier messages
        before = self._told.get(visit, ())
        if len(before) > len(told) and self._left_out(told, before):
            told = [self._cells(message, number) for number in range(len(before))]
        self._told[visit] = tuple(
            (message.line, *self._over(cells, self._known(before, place))) for place, cells in enumerate(told)
        )

    def records(self) -> Iterator[Record]:
        """What was said last."""
        for told in self._told.values():
            for line, *cells in told:
                yield Record(line, dict(zip(self._names, cells, strict=True)))

    def _resources(self, message: Message) -> int:
        return max(1, *(message.count(segment) for segment in self._many))

    def _cells(self, message: Message, number: int) -> dict[str, str]:
        """What a message says for one of the practitioners, rooms or things that the feed's resource columns find."""
        cells = {
            name: next(
                (text for place in places if (text := message.at(place, number if place[:3] in self._many else 0))), ""
            )
            for name, places in self._aliases.items()
        }
        if number and cells.get("id"):
            cells["id"] = f"{cells['id']} #{number + 1}"
        return cells

    def _known(self, before: tuple[_Row, ...], place: int) -> _Row | None:
        """What was said of one who takes part; of one who is new, what holds for all: when, and in which state."""
        if not before or place < len(before):
            return before[place] if before else None
        line, *cells = before[0]
        return (line, *("" if number in self._who else cell for number, cell in enumerate(cells, 1)))

    def _left_out(self, told: list[dict[str, str]], before: tuple[_Row, ...]) -> bool:
        """Whether a message does not say who takes part, and the one before it did: then all of those still do."""
        names = [(place, self._names[place - 1]) for place in self._who]
        return any(
            any(row[place] for row in before) and not any(cells[name] for cells in told) for place, name in names
        )

    def _over(self, cells: dict[str, str], before: _Row | None) -> Iterator[str]:
        """A message over the one before it about the same visit: a cancellation often names the visit and no more."""
        known = before[1:] if before is not None else ("",) * len(cells)
        for (name, said), earlier in zip(cells.items(), known, strict=True):
            text = said or earlier
            yield text if name == "id" else self._same.setdefault(text, text)


def _messages(segments: Iterator[Segment]) -> Iterator[tuple[int, list[str]]]:
    """Line and segments of each message; envelopes are checked and left out.

    Raises:
        ExportUnreadable: no message, or the file ends before it says so.
    """
    current: list[str] = []
    begun = count = 0
    waiting: list[str] = []
    for line, segment in segments:
        name = segment[:3]
        if name == "MSH" or name in _TRAILERS or name in _TRAILERS.values():
            if current:
                count += 1
                yield begun, current
            current, begun = [], line
        if name in _TRAILERS:
            waiting.append(_TRAILERS[name])
            count = 0 if name == "BHS" else count
        elif name in _TRAILERS.values():
            _ended(segment, waiting, count)
        elif name == "MSH" or current:
            current.append(segment)
        else:
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="hl7", looks_like="text")
    if current:
        yield begun, current
    if waiting:
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what=f"its {waiting[-1]} segment")


def _segments(feed: Feed, text: io.TextIOWrapper, encoding: Encoding) -> Iterator[Segment]:
    """Each line that is not blank, with its number; line ends and the signs of MLLP are taken away.

    Raises:
        ExportUnreadable: no line at all, one that is too long or holds a zero byte, or the file was cut off.
    """
    limit = feed.limits.line_characters
    number = lines = blocks = filled = 0
    while line := text.readline(limit + 3):  # one sign and a line end more than may be
        lines += 1
        if "\0" in line:
            raise ExportUnreadable(UnreadableReason.NUL_BYTE, line=lines)
        blocks += line.count(_MLLP_BEGIN) - line.count(_MLLP_END)
        whole = line[-1] in f"\r\n{_MLLP_END}"
        if not whole and len(line) <= limit and (filled or line.strip()):
            _cut_off(feed, blocks, lines)
        line = encoding.mend(line) if encoding.mend else line
        for piece in line.rstrip("\r\n").replace(_MLLP_BEGIN, "").split(_MLLP_END):
            number += 1
            if len(piece) > limit:
                raise ExportUnreadable(UnreadableReason.LINE_TOO_LONG, line=number, limit=limit)
            if piece.strip():
                filled += 1
                yield number, piece
    if not filled:
        raise ExportUnreadable(UnreadableReason.EMPTY)
    _unclosed(blocks)


def _cut_off(feed: Feed, blocks: int, line: int) -> None:
    """A last line without its end."""
    _unclosed(blocks)
    if feed.csv.last_line_end == "required":
        raise ExportUnreadable(UnreadableReason.TRUNCATED, line=line)


def _unclosed(blocks: int) -> None:
    if blocks > 0:
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what="the end of its last MLLP block")


def _ended(trailer: str, waiting: list[str], count: int) -> None:
    """A batch says how many messages it has: fewer are a file that was cut."""
    if waiting and waiting[-1] == trailer[:3]:
        waiting.pop()
    said = trailer[4:].split("|", maxsplit=1)[0].strip() if trailer.startswith("BTS") else ""
    if said.isascii() and said.isdigit() and int(said) > count:
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what=f"all {int(said)} messages that its batch counts")
