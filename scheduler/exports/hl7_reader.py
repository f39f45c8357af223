"""HL7 version 2 messages of a schedule (SIU): single ones, many in a file, in batches, or as MLLP sent them.

The columns of a feed name places in a message instead of headers: `SCH-2.1` is the first component of field 2 of its
SCH segment. The last message of a file about a visit is the one that counts; what it leaves out was said before it.
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import RefusalReason, SkipReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.encodings import open_text
from scheduler.exports.feed import Feed
from scheduler.exports.hl7_message import BrokenMessageError, Message, message_of
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

_TRAILERS: Final = {"FHS": "FTS", "BHS": "BTS"}
_MLLP_BEGIN, _MLLP_END = "\x0b", "\x1c"

Found = Record | Refused | Skipped


class Hl7Reader:
    """One record for each visit and practitioner (or room) it names, in the order of the first message about it."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Found]:
        """Records once the file has been read to its end; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found not in ("hl7", "text"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="hl7", looks_like=found)
        text, encoding = open_text(feed.csv.encoding, stream)
        try:
            whole = text.read()
        except UnicodeDecodeError as error:
            raise ExportUnreadable(UnreadableReason.NOT_DECODABLE, encoding=feed.csv.encoding) from error
        finally:
            text.detach()
        yield from _records(feed, encoding.mend(whole) if encoding.mend else whole)


def _records(feed: Feed, text: str) -> Iterator[Found]:
    visits: dict[object, list[Record]] = {}
    count = 0
    for line, segments in _messages(feed, text):
        count += 1
        if count > feed.limits.rows:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=feed.limits.rows)
        try:
            message = message_of(line, segments)
        except BrokenMessageError as error:
            yield Refused(line, RefusalReason.BROKEN_MESSAGE, {"why": str(error)})
            continue
        if message.at("MSH-9.1") != "SIU":
            yield Skipped(line, SkipReason.OTHER_MESSAGE)
        elif message.first("SCH") is None:
            yield Refused(line, RefusalReason.BROKEN_MESSAGE, {"why": "it has no SCH segment"})
        else:
            told = list(_told(feed, message))
            visit = told[0].cells.get("id") or line  # without an id nothing is known of earlier messages
            visits[visit] = [_over(record, visits.get(visit, []), place) for place, record in enumerate(told)]
    for records in visits.values():
        yield from records


def _told(feed: Feed, message: Message) -> Iterator[Record]:
    """What a message says: once for each practitioner, room or thing that the feed's resource columns find in it."""
    aliases = feed.columns.aliases()
    many = {place[:3] for name, places in aliases.items() if name.startswith("resource.") for place in places}
    for number in range(max(1, *(message.count(segment) for segment in many))):
        cells = {
            name: next(
                (text for place in places if (text := message.at(place, number if place[:3] in many else 0))), ""
            )
            for name, places in aliases.items()
        }
        if number and cells.get("id"):
            cells["id"] = f"{cells['id']} #{number + 1}"
        yield Record(message.line, cells)


def _over(record: Record, before: list[Record], place: int) -> Record:
    """A message over the one before it about the same visit: a cancellation often names the visit and no more."""
    if place >= len(before):
        return record
    return Record(record.line, {name: text or before[place].cells[name] for name, text in record.cells.items()})


def _messages(feed: Feed, text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and segments of each message; envelopes are checked and left out.

    Raises:
        ExportUnreadable: no message, or the file ends before it says so.
    """
    if not text.strip():
        raise ExportUnreadable(UnreadableReason.EMPTY)
    _whole(feed, text)
    current: list[str] = []
    begun = count = 0
    waiting: list[str] = []
    for line, segment in _segments(feed, text):
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


def _whole(feed: Feed, text: str) -> None:
    if "\0" in text:
        raise ExportUnreadable(UnreadableReason.NUL_BYTE, line=text.count("\n", 0, text.index("\0")) + 1)
    if text.count(_MLLP_BEGIN) > text.count(_MLLP_END):
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what="the end of its last MLLP block")
    if text[-1] not in f"\r\n{_MLLP_END}" and feed.csv.last_line_end == "required":
        lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
        raise ExportUnreadable(UnreadableReason.TRUNCATED, line=lines)


def _segments(feed: Feed, text: str) -> Iterator[tuple[int, str]]:
    limit = feed.limits.line_characters
    ends = text.replace("\r\n", "\r").replace("\n", "\r").replace(_MLLP_BEGIN, "").replace(_MLLP_END, "\r")
    for line, segment in enumerate(ends.split("\r"), 1):
        if len(segment) > limit:
            raise ExportUnreadable(UnreadableReason.LINE_TOO_LONG, line=line, limit=limit)
        if segment.strip():
            yield line, segment


def _ended(trailer: str, waiting: list[str], count: int) -> None:
    """A batch says how many messages it has: fewer are a file that was cut."""
    if waiting and waiting[-1] == trailer[:3]:
        waiting.pop()
    said = trailer[4:].split("|", maxsplit=1)[0].strip() if trailer.startswith("BTS") else ""
    if said.isascii() and said.isdigit() and int(said) > count:
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what=f"all {int(said)} messages that its batch counts")
