"""Pages with a table, which many programs write and name .xls: Excel opens them, and nobody notices."""

import io
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from typing import BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.encodings import Encoding, not_decodable, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped
from scheduler.exports.tables import records_of

_CHUNK: Final = 65_536
_WIDEST: Final = 1000
_UNSEEN: Final = frozenset({"script", "style", "title"})
_CELLS: Final = frozenset({"td", "th"})

Row = tuple[int, list[str]]


class HtmlReader:
    """The rows of one table; cells that span several rows or columns stand in each of them."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Record | Refused | Skipped]:
        """Records in the order of the table; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found in ("xlsx", "hl7", "ical", "JSON") or found.startswith("an old"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="html", looks_like=found)
        text, encoding = open_text(feed.csv.encoding, stream)
        try:
            yield from records_of(feed, _rows(feed, text, encoding))
        except UnicodeDecodeError as error:
            raise not_decodable(feed.csv.encoding, stream) from error
        finally:
            text.detach()

    def rows(self, feed: Feed, stream: BinaryIO) -> Iterator[Row]:
        """The wanted table row by row, for whoever does not know its header yet."""
        text, encoding = open_text(feed.csv.encoding, stream)
        try:
            yield from _rows(feed, text, encoding)
        except UnicodeDecodeError as error:
            raise not_decodable(feed.csv.encoding, stream) from error
        finally:
            text.detach()


def _rows(feed: Feed, text: io.TextIOWrapper, encoding: Encoding) -> Iterator[Row]:
    page = _Page(feed)
    skip, width = feed.sheet.skip_rows, 0
    while chunk := _read(feed, text):
        page.feed(encoding.mend(chunk) if encoding.mend else chunk)
        for line, cells in page.take():
            if skip:
                skip -= 1
            elif width or any(cell.strip() for cell in cells):
                width = width or len(cells)
                yield line, [*cells, *[""] * (width - len(cells))]
    if not page.tables:
        raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="html", looks_like="text without a table")
    if page.tables < feed.sheet.number:
        raise ExportUnreadable(UnreadableReason.MISSING_SHEET, wanted=f"table number {feed.sheet.number}", sheets=[])
    if not page.done:
        raise ExportUnreadable(UnreadableReason.CUT_OFF, what="the end of its table")


def _read(feed: Feed, text: io.TextIOWrapper) -> str:
    try:
        # Whole lines: a mended vowel and its sign never stand apart.
        return text.read(_CHUNK) + text.readline(feed.limits.line_characters)
    except UnicodeDecodeError as error:
        cut = "end" in error.reason or "truncated" in error.reason
        if cut:
            raise ExportUnreadable(UnreadableReason.CUT_OFF, what="its last character") from error
        raise


class _Page(HTMLParser):
    """The wanted table's rows, as they are met.

    Attributes:
        tables: tables that began, those within others not counted.
        done: the wanted table has ended.
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__(convert_charrefs=True)
        self._wanted, self._limit = feed.sheet.number, feed.limits.field_characters
        self.tables, self.done = 0, False
        self._depth = self._unseen = 0
        self._rows: list[Row] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._size = 0
        self._line = 0
        self._wide = self._high = 1
        self._hanging: dict[int, tuple[int, str]] = {}

    def take(self) -> list[Row]:
        """The rows that are complete."""
        rows, self._rows = self._rows, []
        return rows

    @property
    def _inside(self) -> bool:
        return self._depth == 1 and self.tables == self._wanted and not self.done

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A table, a row, a cell, or something in a cell."""
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self._depth += 1
            self.tables += self._depth == 1
        elif not self._inside:
            return
        elif tag == "tr":
            self._end_row()
            self._row, self._line = [], self._line + 1
        elif tag in _CELLS and self._row is not None:
            self._end_cell()
            self._cell, self._size = [], 0
            told = dict(attrs)
            self._wide, self._high = _span(told.get("colspan")), _span(told.get("rowspan"))
        elif tag in ("br", "p", "div", "li") and self._cell:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """The end of one; a missing end of a cell or row is that of what follows, as browsers see it."""
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "table" and self._depth:
            if self._inside:
                self._end_row()
                self.done = True
            self._depth -= 1
        elif not self._inside:
            return
        elif tag == "tr":
            self._end_row()
        elif tag in _CELLS:
            self._end_cell()

    def handle_data(self, data: str) -> None:
        """Text of a cell."""
        if self._cell is None or self._unseen or not self._inside:
            return
        self._size += len(data)
        if self._size > self._limit:
            raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=self._line, limit=self._limit)
        # A line end of the page's own text is a space; one of the cell is a <br>.
        self._cell.append(data.replace("\n", " ").replace("\r", " "))

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        text, self._cell = "".join(self._cell), None
        for _ in range(self._wide):
            self._hang()
            if self._high > 1:
                self._hanging[len(self._row)] = (self._high - 1, text)
            if len(self._row) < _WIDEST:
                self._row.append(text)

    def _hang(self) -> None:
        """Cells of rows above that reach down to here."""
        assert self._row is not None
        while (place := len(self._row)) in self._hanging and place < _WIDEST:
            left, text = self._hanging.pop(place)
            self._row.append(text)
            if left > 1:
                self._hanging[place] = (left - 1, text)

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is None:
            return
        self._hang()
        self._rows.append((self._line, self._row))
        self._row = None


def _span(said: str | None) -> int:
    number = int(said) if said is not None and said.isascii() and said.isdigit() and len(said) < 5 else 1  # noqa: PLR2004
    return min(max(number, 1), _WIDEST)
