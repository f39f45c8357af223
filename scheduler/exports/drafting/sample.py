"""A file as a table, whatever it is: the format by its content, never by its name."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.text import clean
from scheduler.exports.drafting import dates, letters
from scheduler.exports.drafting.finding import CannotTellError, Findings, Table
from scheduler.exports.drafting.words import counts_rows, role
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.html_reader import HtmlReader
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.xlsx_reader import XlsxReader

ROWS_LOOKED_AT: Final = 20_000
_HEADER_WITHIN: Final = 30
_DELIMITERS: Final = (",", ";", "\t", "|")
_TABLES_LOOKED_AT: Final = 12
_LONGEST_NAME: Final = 120
_FEWEST: Final = 2
_TOTALS_WITHIN: Final = 3
_MANY_DIGITS: Final = re.compile(r"\d{5}")

_NULL: Final = frozenset({"\\N", "NULL", "(null)", "<null>", "[NULL]"})
"""How databases write that there is nothing."""
_AS_SAID: Final = ("xlsx", "html", "hl7", "ical", "xml130")

Line = tuple[int, list[str]]


def kind_of(stream: BinaryIO) -> str:
    """`csv`, `xlsx`, `html`, `hl7`, `fhir`, `ical` or `xml130`.

    Raises:
        CannotTellError: it is none that a feed can read.
    """
    found = looks_like(stream)
    plain = "csv" if found == "text" else "fhir" if found == "JSON" else found if found in _AS_SAID else None
    if plain is not None:
        return plain
    if found == "XML":
        stream.seek(0)
        head = stream.read(4000).lower()
        stream.seek(0)
        if b"<table" in head or b"<html" in head:
            return "html"
    raise CannotTellError(f"it looks like {found}, which no reader here reads")


def skeleton(format_name: str, encoding: str = "utf-8", more: str = "", columns: str = "", zone: str = "UTC") -> Feed:
    """A feed that only reads: for looking at a file by the readers that will read it."""
    named = columns or 'start = "s"\n[columns.resource]\nr = "r"'
    return parse_feed(
        f'code = "draft"\nfacility = "draft"\n[source]\nformat = "{format_name}"\n[csv]\nencoding = "{encoding}"\n'
        f'last_line_end = "optional"\n{more}\n[columns]\n{named}\n[times]\nformats = ["iso"]\nzone = "{zone}"\n'
        '[absence]\nmeaning = "busy_list"\n[resources.x]\nkeys = "x"\nslot_minutes = 15\n'
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A header in rows of cells.

    Attributes:
        at: its place among the rows, from 0.
        line: its line, row of the sheet or of the table, from 1.
        score: columns that it names in words known here, and cells it names at all.
    """

    at: int
    line: int
    score: tuple[int, int]
    evidence: str


def from_text(data: bytes, findings: Findings) -> Table:
    """A separated text."""
    written = letters.read(data)
    findings.keys["csv.encoding"] = written.guess
    text = written.text.removeprefix("\ufeff")
    if not text.strip():
        raise CannotTellError("it is empty")
    delimiter, quote, lines, found, widths = _parted(text)
    findings.say("csv.delimiter", "tab" if delimiter == "\t" else delimiter, *widths)
    if quote != '"':
        found_around = "single quotes stand around whole cells" if quote else "no quotes stand around whole cells"
        findings.say("csv.quote", quote, f"{found_around} here, double quotes do not")
    if found.line > 1 and any(line < found.line for line, _ in lines[: found.at]):
        findings.say("csv.skip_lines", found.line - 1, found.evidence)
    if text[-1] not in "\r\n":
        why = "the last line has no end: cut off while it was written, or this program never ends it"
        findings.ask("csv.last_line_end", ("required", "optional"), why)
    return _table(lines, found, findings)


def _parted(text: str) -> tuple[str, str, list[Line], _Found, list[str]]:
    """Delimiter, quote, rows, header and the evidence: the delimiter under which most names of the header are known.

    Raises:
        CannotTellError: under none of them there is a header.
    """
    found: list[tuple[tuple[int, ...], tuple[str, str, list[Line], _Found]]] = []
    widths: list[str] = []
    for delimiter in _DELIMITERS:
        quote, lines = _unquoted(text, delimiter)
        width, share = _width(lines)
        widths.append(f"{_spoken(delimiter)} parts {share:.0%} of the rows into {width} cells")
        header = header_in(lines) if width > 1 and share > 0.5 else None  # noqa: PLR2004
        if header is not None:
            found.append(((*header.score, int(share * 100)), (delimiter, quote, lines, header)))
    if not found:
        looked = (_unquoted(text, delimiter)[1] for delimiter in _DELIMITERS)
        nearly = next((told for lines in looked if (told := _nearly(lines))), "")
        raise CannotTellError(nearly or _no_header("; ".join(widths)))
    return (*max(found, key=lambda each: each[0])[1], widths)


def _unquoted(text: str, delimiter: str) -> tuple[str, list[Line]]:
    """The quote that stands around cells, and the rows without it; no rows when every way breaks."""
    for quote in ('"', "'", ""):
        if quote == "'" and f"{delimiter}'" not in text:
            continue
        lines = _parsed(text, delimiter, quote)
        if lines is not None and not (quote == '"' and _in_single(text, delimiter, lines)):
            return quote, lines
    return "", []


def _in_single(text: str, delimiter: str, lines: Sequence[Line]) -> bool:
    """Whether single quotes stand around cells: as many cells begin with one as end with one, and none has others."""
    if f'{delimiter}"' in text or text.startswith('"') or _parsed(text, delimiter, "'") is None:
        return False
    cells = [cell for _, row in lines for cell in row]
    begins = sum(cell.startswith("'") and len(cell) > 1 for cell in cells)
    return begins == sum(cell.endswith("'") and len(cell) > 1 for cell in cells) and begins > 0.5 * len(lines)


def _parsed(text: str, delimiter: str, quote: str) -> list[Line] | None:
    """Rows with their lines; None when the quotes are not what these signs mean."""
    source = io.StringIO(text, newline="")
    how = {"quotechar": quote, "quoting": csv.QUOTE_MINIMAL} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(source, delimiter=delimiter, strict=True, **how)
    found: list[Line] = []
    line = 1
    try:
        for cells in islice(reader, ROWS_LOOKED_AT + _HEADER_WITHIN):
            found.append((line, [clean(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error:
        return None
    return [(number, cells) for number, cells in found if any(cells)]


def _width(lines: Sequence[Line]) -> tuple[int, float]:
    counts = Counter(len(cells) for _, cells in lines)
    if not counts:
        return 0, 0.0
    width, count = counts.most_common(1)[0]
    return width, count / counts.total()


def _spoken(delimiter: str) -> str:
    return {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}[delimiter]


def _no_header(more: str = "") -> str:
    told = (
        "no line of headers above columns with dates was found among its first rows; "
        "readers find columns by their headers only"
    )
    return f"{told} ({more})" if more else told


def from_sheets(stream: BinaryIO, format_name: str, encoding: str, findings: Findings) -> Table:
    """The sheet of a workbook, or the table of a page, that has the best header.

    Raises:
        CannotTellError: none has one.
    """
    reader = XlsxReader() if format_name == "xlsx" else HtmlReader()
    best: tuple[tuple[int, int], int, list[Line], _Found] | None = None
    problem = nearly = ""
    for number in range(1, _TABLES_LOOKED_AT + 1):
        stream.seek(0)
        feed = skeleton(format_name, encoding, f"[sheet]\nnumber = {number}")
        try:
            lines = [(line, [clean(cell) for cell in cells]) for line, cells in _taken(reader.rows(feed, stream))]
        except ExportUnreadable as error:
            problem = problem or error.reason.value
            break
        lines = [(line, cells) for line, cells in lines if any(cells)]
        found = header_in(lines)
        nearly = nearly or _nearly(lines)
        if found is not None and (best is None or found.score > best[0]):
            best = (found.score, number, lines, found)
    if best is None:
        raise CannotTellError(nearly or _no_header(problem))
    _, number, lines, found = best
    if number > 1:
        findings.say("sheet.number", number, f"of the sheets or tables, number {number} has the header")
    if found.at:
        findings.say("sheet.skip_rows", found.line - 1, found.evidence)
    return _table(lines, found, findings)


def from_page(data: bytes, findings: Findings) -> Table:
    """The table of a page."""
    written = letters.read(data)
    findings.keys["csv.encoding"] = written.guess
    return from_sheets(io.BytesIO(data), "html", str(written.guess.value or "utf-8"), findings)


def _taken(rows: Iterator[Line]) -> Iterator[Line]:
    return islice(rows, ROWS_LOOKED_AT + _HEADER_WITHIN)


def header_in(lines: Sequence[Line]) -> _Found | None:
    """The header: a row of words above columns of dates. Never a row with a date in it: that may be a patient's."""
    for at, (line, cells) in enumerate(lines[:_HEADER_WITHIN]):
        if len({cell for cell in cells if cell}) < 2 or any(map(_like_data, cells)):  # noqa: PLR2004
            continue
        below = [row for _, row in lines[at + 1 : at + 400]]
        # A name above a column of dates must say so itself: else this is a row of somebody's with its date unknown.
        dated = sum(_dated(below, place) for place, cell in enumerate(cells) if cell and role(cell))
        known = sum(role(cell) not in ("", "personal") for cell in cells if cell)
        if not dated or known < _FEWEST:
            continue
        above = f"; {at} filled rows stand above it" if at else ""
        return _Found(at, line, (known, sum(map(bool, cells))), f"the header is row {line}: {known} names known{above}")
    return None


def _nearly(lines: Sequence[Line]) -> str:
    """What a row of words above columns of dates lacks to be a header; none of its words: they may be somebody's."""
    for at, (line, cells) in enumerate(lines[:_HEADER_WITHIN]):
        if len({cell for cell in cells if cell}) < _FEWEST or any(map(_like_data, cells)):
            continue
        below = [row for _, row in lines[at + 1 : at + 400]]
        dated = [str(place + 1) for place, cell in enumerate(cells) if cell and _dated(below, place)]
        if dated:
            return (
                f"row {line} may be its line of headers, but too few of its names are known here to be sure that it is"
                f" no row of somebody's; below it there are dates in column {', '.join(dated)}. Name the columns in a"
                " copy, such as 'Start' ('Bắt đầu'), 'Doctor' ('Bác sĩ'), 'Status' ('Trạng thái'), and draft from that;"
                " or write the feed from an example in deploy/feeds: a feed finds columns by whatever names they have"
            )
    return ""


def _like_data(cell: str) -> bool:
    return (
        len(cell) > _LONGEST_NAME
        or _MANY_DIGITS.search(cell.replace(" ", "").replace(".", "")) is not None
        or dates.shape(cell) is not None
        or dates.is_range(cell)
    )


def _dated(rows: Sequence[Sequence[str]], place: int) -> bool:
    values = [row[place] for row in rows if place < len(row) and row[place]]
    if not values:
        return False
    written = sum(dates.shape(value) is not None or dates.is_range(value) for value in values)
    return written > 0.5 * len(values)


def _table(lines: Sequence[Line], found: _Found, findings: Findings) -> Table:
    header = list(lines[found.at][1])
    while len(header) > 1 and not header[-1]:
        header.pop()
    below = [cells for _, cells in lines[found.at + 1 :] if cells[: len(header)] != header]
    below = _without_null(below, findings)
    if totals := _totals(below):
        del below[-totals:]
        findings.notes.append("its last rows hold totals, and no begin: a feed passes them over, or refuses them")
    ragged = sum(len(cells) < len(header) for cells in below)
    rows = [cells[: len(header)] for cells in below if len(cells) >= len(header)]
    if ragged:
        findings.notes.append(f"{ragged} rows have fewer cells than the header; they will be refused")
    partial = len(rows) >= ROWS_LOOKED_AT
    if partial:
        findings.notes.append(f"only the first {ROWS_LOOKED_AT} rows were looked at")
    return Table(header, rows[:ROWS_LOOKED_AT], ragged, partial)


def _without_null(rows: Sequence[Sequence[str]], findings: Findings) -> list[list[str]]:
    """The rows with empty cells where a database wrote its word of nothing."""
    words = sorted({cell for row in rows for cell in row} & _NULL)
    if not words:
        return [list(row) for row in rows]
    count = sum(cell in words for row in rows for cell in row)
    findings.say("csv.null", words, f"{count} cells hold it: so databases write that there is nothing")
    return [["" if cell in words else cell for cell in row] for row in rows]


def _totals(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the end hold totals: they begin with such a word, and none of their cells is a date."""
    count = 0
    for row in reversed(rows[-_TOTALS_WITHIN:]):
        filled = [cell for cell in row if cell]
        if not filled or not counts_rows(filled[0]) or any(dates.shape(cell) for cell in filled if not cell.isdigit()):
            break
        count += 1
    return count
