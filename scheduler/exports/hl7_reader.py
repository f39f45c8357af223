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
from scheduler.exports.encodings import Encoding, not_decodable, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.hl7_message import BrokenMessageError, message_of
from scheduler.exports.hl7_visits import Visits
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

_TRAILERS: Final = {"FHS": "FTS", "BHS": "BTS"}
_MLLP_BEGIN, _MLLP_END = "\x0b", "\x1c"

Found = Record | Refused | Skipped
Segment = tuple[int, str]


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
            raise not_decodable(feed.csv.encoding, stream) from error
        finally:
            text.detach()


def _records(feed: Feed, segments: Iterator[Segment]) -> Iterator[Found]:
    visits = Visits(feed)
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
