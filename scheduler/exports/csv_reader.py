"""Comma, semicolon and tab separated files."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, BinaryIO

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.encodings import not_decodable, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.header import locate, recognised
from scheduler.exports.reader import Record, Skipped
from scheduler.exports.tables import records_of

_OTHER_DELIMITERS = ",;\t|"


class CsvReader:
    """Reads with Python's csv module in its strict mode, so that broken quoting is an error and not a guess."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Record | Refused | Skipped]:
        """Records in the order of the file; the stream stays open and belongs to the caller."""
        lines = _Lines(feed, stream)
        try:
            yield from records_of(feed, _rows(feed, lines), _locate)
        finally:
            lines.let_go()


def _locate(feed: Feed, header: Sequence[str]) -> dict[str, int]:
    """Columns of the fields; says so when another delimiter would have found more of them."""
    aliases = feed.columns.aliases()
    try:
        return locate(header, aliases)
    except ExportUnreadable as error:
        text = feed.csv.delimiter.join(header)
        found = recognised(header, aliases)
        for delimiter in _OTHER_DELIMITERS:
            if recognised(text.split(delimiter), aliases) > found:
                facts = {"delimiter": feed.csv.delimiter, "looks_like": delimiter}
                raise ExportUnreadable(UnreadableReason.WRONG_DELIMITER, **facts) from error
        raise


def _rows(feed: Feed, lines: "_Lines") -> Iterator[tuple[int, list[str]]]:
    """Line number and cells; blank lines before the header are passed over."""
    quoting: dict[str, Any] = (
        {"quotechar": feed.csv.quote, "quoting": csv.QUOTE_MINIMAL} if feed.csv.quote else {"quoting": csv.QUOTE_NONE}
    )
    reader = csv.reader(lines, delimiter=feed.csv.delimiter, doublequote=True, strict=True, **quoting)
    line, started = lines.number + 1, False
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(error, line) from error
        if lines.taken > feed.limits.field_characters and max(map(len, cells)) > feed.limits.field_characters:
            raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=line, limit=feed.limits.field_characters)
        lines.taken = 0
        if started or any(cell.strip() for cell in cells):
            started = True
            yield line, cells
        line = lines.number + 1


def _broken(error: csv.Error, line: int) -> ExportUnreadable:
    text = str(error)
    if "end of data" in text:
        return ExportUnreadable(UnreadableReason.UNCLOSED_QUOTE, line=line)
    if "field larger" in text:
        return ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=line, limit=csv.field_size_limit())
    return ExportUnreadable(UnreadableReason.BROKEN_QUOTES, line=line)


class _Lines:
    """The file's lines with their ends, checked as they pass.

    Attributes:
        number: lines handed out so far, those passed over included.
        taken: characters handed out since the reader of rows set it to 0.
    """

    def __init__(self, feed: Feed, stream: BinaryIO) -> None:
        self._limits = feed.limits
        self._csv, self._stream = feed.csv, stream
        self._text, self._encoding = open_text(feed.csv.encoding, stream)
        self.number = 0
        self.taken = 0
        self._lines = self._split()
        for _ in range(feed.csv.skip_lines):
            next(self._lines, None)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += len(line)
        return line

    def let_go(self) -> None:
        """Leave the stream open: the text around it would close it."""
        self._text.detach()

    def _split(self) -> Iterator[str]:
        """Lines ended by LF, CRLF or a lone CR, and by nothing else (a form feed or U+2028 is part of a cell)."""
        limit = self._limits.line_characters
        while line := self._read(limit + 1):
            self.number += 1
            if len(line) > limit:
                raise ExportUnreadable(UnreadableReason.LINE_TOO_LONG, line=self.number, limit=limit)
            if "\0" in line:
                raise ExportUnreadable(UnreadableReason.NUL_BYTE, line=self.number)
            if line[-1] not in "\r\n" and self._csv.last_line_end == "required":
                # A cut cell is indistinguishable from a short one: `162` may be the begin of `1628`.
                raise ExportUnreadable(UnreadableReason.TRUNCATED, line=self.number)
            yield self._encoding.mend(line) if self._encoding.mend else line

    def _read(self, limit: int) -> str:
        try:
            return self._text.readline(limit)
        except UnicodeDecodeError as error:
            cut = "end" in error.reason or "truncated" in error.reason
            found = not_decodable(self._csv.encoding, self._stream)
            if cut:
                raise ExportUnreadable(UnreadableReason.TRUNCATED, line=found.facts["line"]) from error
            raise found from error
