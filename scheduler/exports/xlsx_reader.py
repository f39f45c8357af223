"""Workbooks of Excel and its kin (.xlsx), read row by row.

A workbook is a zip of XML: its directory is looked at before anything is opened, so that what is small outside and
enormous inside is refused. What its sheet says of its own size is not believed.
"""

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet import _read_only
from openpyxl.worksheet._reader import INLINE_STRING, VALUE_TAG, WorkSheetParser

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.encodings import ENCODINGS
from scheduler.exports.feed import Feed
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.merges import Filling, merges_in
from scheduler.exports.reader import Record, Skipped
from scheduler.exports.tables import records_of

_PARTS: Final = 2000
"""Files in the zip; a workbook with one sheet has about ten."""
_LARGER: Final = 20
"""How many times `limits.megabytes` all of it may be, unpacked."""
_WIDEST: Final = 1000
"""Cells of a row that are looked at."""
_ANY_DAY: Final = date(2000, 1, 1)
_SECOND: Final = timedelta(seconds=1)
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (
    zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError,
    SyntaxError, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error,
)  # fmt: skip
"""What the library raises over a file that is not as it should be; a broken XML is a SyntaxError."""


_TEXT: Final = INLINE_STRING.removesuffix("is") + "t"
_RUN: Final = INLINE_STRING.removesuffix("is") + "r"


class _Sheet(WorkSheetParser):  # type: ignore[misc]  # the library has no types
    """Takes a text that stands in its cell as it is; the library makes ten objects of each, half of all its time."""

    def parse_cell(self, element: Element) -> Any:
        if element.get("t") == "inlineStr" and (said := element.find(INLINE_STRING)) is not None:
            value = Element(VALUE_TAG)
            parts = [*said.findall(_TEXT), *said.findall(f"{_RUN}/{_TEXT}")]
            value.text = "".join(part.text or "" for part in parts)
            element.insert(0, value)
            element.set("t", "str")
        return super().parse_cell(element)


_read_only.WorkSheetParser = _Sheet


class XlsxReader:
    """Cells as text: dates as `iso`, numbers plainly, a formula as its last result."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Record | Refused | Skipped]:
        """Records in the order of the sheet; the stream stays open and belongs to the caller."""
        yield from records_of(feed, self.rows(feed, stream))

    def rows(self, feed: Feed, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
        """The wanted sheet row by row, its header among them."""
        _preflight(feed, stream)
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        except _BROKEN as error:
            raise _damaged(error) from error
        try:
            yield from _rows(feed, _sheet(feed, book))
        finally:
            book.close()


def _preflight(feed: Feed, stream: BinaryIO) -> None:
    found = looks_like(stream)
    if found != "xlsx":
        raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="xlsx", looks_like=found)
    try:
        with zipfile.ZipFile(stream) as book:
            parts = book.infolist()
    except _BROKEN as error:
        raise _damaged(error) from error
    limit = feed.limits.megabytes * _LARGER
    size = sum(part.file_size for part in parts) // 1_000_000
    if size > limit or len(parts) > _PARTS:
        raise ExportUnreadable(UnreadableReason.TOO_LARGE, megabytes=size, limit=limit)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise ExportUnreadable(UnreadableReason.DAMAGED, why="it is locked with a password")
    stream.seek(0)


def _sheet(feed: Feed, book: Any) -> Any:
    sheets = book.worksheets
    if feed.sheet.name is not None:
        wanted = feed.sheet.name.strip().casefold()
        found = next((sheet for sheet in sheets if sheet.title.strip().casefold() == wanted), None)
    else:
        found = sheets[feed.sheet.number - 1] if feed.sheet.number <= len(sheets) else None
    if found is None:
        named = f"sheet {feed.sheet.name!r}" if feed.sheet.name is not None else f"sheet number {feed.sheet.number}"
        raise ExportUnreadable(UnreadableReason.MISSING_SHEET, wanted=named, sheets=[one.title for one in sheets][:50])
    found.reset_dimensions()
    return found


def _rows(feed: Feed, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Row number and cells, all of one width; blank rows before the header are passed over."""
    mend = ENCODINGS[feed.csv.encoding].mend
    limit, width, line = feed.limits.field_characters, 0, 0
    rows = sheet.iter_rows(values_only=True)
    filling = _filling(sheet)
    while True:
        try:
            cells = next(rows, None)
        except _BROKEN as error:
            raise _damaged(error) from error
        if cells is None:
            return
        line += 1
        if line <= feed.sheet.skip_rows:
            continue
        texts = [_text(cell) for cell in cells[:_WIDEST]]
        if any(len(text) > limit for text in texts):
            raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=line, limit=limit)
        texts = [mend(text) for text in texts] if mend else texts
        texts = filling.filled(line, texts, heading=not width)
        if not width:
            while texts and not texts[-1].strip():
                texts.pop()
            width = len(texts)
        if width:
            yield line, [*texts, *[""] * (width - len(texts))]


def _filling(sheet: Any) -> Filling:
    try:
        with sheet._get_source() as source:  # noqa: SLF001  the only way to the sheet as it is written
            return Filling(merges_in(source))
    except _BROKEN as error:
        raise _damaged(error) from error


def _text(cell: object) -> str:
    """A cell as a feed's formats read it."""
    if isinstance(cell, datetime | date | time | timedelta):
        return _moment(cell)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return "" if cell is None else str(cell)


def _moment(cell: datetime | date | time | timedelta) -> str:
    """To the second: a binary fraction of a day is not meant more exactly."""
    if isinstance(cell, datetime):
        return (cell + _SECOND / 2).replace(microsecond=0).isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return (datetime.combine(_ANY_DAY, cell) + _SECOND / 2).time().replace(microsecond=0).isoformat()
    minutes, seconds = divmod(round(cell.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _damaged(error: Exception) -> ExportUnreadable:
    return ExportUnreadable(UnreadableReason.DAMAGED, why=f"not a whole workbook ({type(error).__name__})")
