"""The national insurance XML (QĐ 130, 4750 and 3176): table 14, the re-examination slips, joined with table 1.

The envelope GIAMDINHHS holds records (HOSO), each with its tables as files (FILEHOSO), usually in base64. Tables other
than these two are passed over unopened: table 6 says who has HIV, and none of the others says when to come back.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import NoteReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.kinds_of_file import ROOT, looks_like, may_be_markup
from scheduler.exports.reader import Note, Record, Skipped
from scheduler.exports.slip_feed import FORMAT, SlipFeed
from scheduler.exports.xml130_tables import DEEPEST, TABLES, VISIT, Content, Row, damaged, parse, parser, plain

_CHUNK: Final = 65_536
_SAID: Final = frozenset({"LOAIHOSO", "NGAYLAP", "MACSKCB", "SOLUONGHOSO"})
"""Elements of the envelope whose text is read."""
_LONGEST: Final = 200
_WHAT: Final = "the file"


class Xml130Reader:
    """One record for each slip; `line` is the number of its HOSO in the file."""

    def records(self, feed: SlipFeed, stream: BinaryIO, _today: date, /) -> Iterator[Record | Refused | Skipped | Note]:
        """Records as their HOSO ends, those without a table 1 in theirs at the end of the file."""
        found = looks_like(stream)
        if found not in (FORMAT, "XML") and not may_be_markup(stream):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format=FORMAT, looks_like=found)
        envelope = _Envelope(feed, stream)
        reading, some = parser(envelope), False
        while chunk := stream.read(_CHUNK):
            some = some or bool(chunk.strip())
            parse(reading, chunk, last=False, what=_WHAT)
            yield from envelope.ready()
        if not some:
            raise ExportUnreadable(UnreadableReason.EMPTY)
        parse(reading, b"", last=True, what=_WHAT)
        yield from envelope.finish()


class _Envelope:
    """The outer elements on their way.

    Attributes:
        said: what the envelope says of itself: NGAYLAP, MACSKCB, SOLUONGHOSO.
        number: HOSO that have begun.
    """

    def __init__(self, feed: SlipFeed, stream: BinaryIO) -> None:
        self._limits, self._stream = feed.limits, stream
        self._depth = 0
        self._listening: str | None = None
        self._parts: list[str] = []
        self._table: str | None = None
        self._inside = 0  # elements open in a NOIDUNGFILE that is passed over, itself included
        self._content: Content | None = None
        self._rows = 0
        self._people: dict[str, Row] = {}
        self._slips: dict[str, tuple[int, Row]] = {}
        self._waiting: dict[str, tuple[int, Row]] = {}
        self._done: dict[str, int] = {}
        self._ready: list[Record | Note] = []
        self.said: dict[str, str] = {}
        self.number = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if self._content is not None:
            self._content.start(name, attributes)
            return
        if self._inside:
            self._inside += 1
            if self._inside > DEEPEST:
                raise damaged("its elements are nested too deeply")
            return
        bare = plain(name)
        if not self._depth and bare != ROOT.decode()[1:]:
            raise ExportUnreadable(
                UnreadableReason.WRONG_FORMAT, format=FORMAT, looks_like=_other(looks_like(self._stream))
            )
        self._depth += 1
        if self._depth > DEEPEST:
            raise damaged("its elements are nested too deeply")
        self._listening, self._parts = (bare if bare in _SAID else None), []
        if bare == "HOSO":
            self.number += 1
            self._check(self.number)
        elif bare == "FILEHOSO":
            self._table = None
        elif bare == "NOIDUNGFILE":
            self._open()

    def _open(self) -> None:
        """A table begins: of two kinds it is read, all others are passed over."""
        if self._table is None:
            raise damaged("a NOIDUNGFILE stands before its LOAIHOSO")
        if self._table in TABLES:
            self._content = Content(self._table, self._limits.field_characters, self.number, self._found)
        else:
            self._inside = 1

    def text(self, text: str) -> None:
        """Text: of the envelope only what it says of itself."""
        if self._content is not None:
            self._content.text(text)
        elif self._listening is not None:
            self._parts.append(text)
            if sum(map(len, self._parts)) > _LONGEST:
                raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=self.number, limit=_LONGEST)

    def end(self, name: str) -> None:
        """An element ends."""
        if self._content is not None and self._content.depth:
            self._content.end(name)
            return
        if self._inside > 1:
            self._inside -= 1
            return
        self._inside = 0
        if self._content is not None:
            self._content.close()
            self._content = None
        self._depth -= 1
        if self._listening is not None:
            self._heard(self._listening, "".join(self._parts).strip())
            self._listening = None
        if plain(name) == "HOSO":
            self._join()

    def _heard(self, name: str, text: str) -> None:
        if name == "LOAIHOSO":
            self._table = text.upper()
        else:
            self.said.setdefault(name, text)

    def _check(self, count: int) -> None:
        if count > self._limits.rows:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=self._limits.rows)

    def _found(self, row: Row) -> None:
        """A row of one of the two tables."""
        self._rows += 1
        self._check(self._rows)
        key = row.get(VISIT, "").strip()
        if self._table == "XML1":
            self._people[key] = row
            return
        key = key or f"#{row.get('SO_GIAYHEN_KL', '').strip() or self._rows}"
        if key in self._slips:
            self._ready.append(Note(self.number, NoteReason.REPEATED_SLIP, {"first_line": self.number}))
        self._slips[key] = (self.number, row)

    def _join(self) -> None:
        """The end of a record: its slips with their table 1; those without wait for the end of the file."""
        for key, (line, slip) in self._slips.items():
            if key in self._people:
                self._tell(key, line, slip)
            else:
                self._waiting[key] = (line, slip)
        self._slips.clear()

    def _tell(self, key: str, line: int, slip: Row) -> None:
        if key in self._done:
            self._ready.append(Note(line, NoteReason.REPEATED_SLIP, {"first_line": self._done[key]}))
        self._done[key] = line
        person = self._people.get(key)
        if person is None:
            self._ready.append(Note(line, NoteReason.NO_TABLE_1))
        cells = {f"slip.{name}": text for name, text in slip.items()}
        cells |= {f"person.{name}": text for name, text in (person or {}).items()}
        self._ready.append(Record(line, cells | self.said | {"joined": "1" if person else ""}))

    def ready(self) -> Iterator[Record | Note]:
        """What was found since it was asked last."""
        found, self._ready = self._ready, []
        yield from found

    def finish(self) -> Iterator[Record | Note]:
        """The rest of the file, once it has ended whole.

        Raises:
            ExportUnreadable: it counts more records than it holds.
        """
        said = self.said.get("SOLUONGHOSO", "")
        if said.isascii() and said.isdigit() and int(said) > self.number:
            raise ExportUnreadable(UnreadableReason.NOT_ALL, why=f"of {int(said)} records there are {self.number}")
        self._join()
        for key, (line, slip) in self._waiting.items():
            self._tell(key, line, slip)
        yield from self.ready()


def _other(word: str) -> str:
    return "other XML" if word in ("XML", "text", FORMAT) else word
