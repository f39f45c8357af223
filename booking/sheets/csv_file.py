"""CSV as Excel reads it in Vietnam: UTF-8 with a mark at the beginning, commas, dates as 2026-11-30."""

import csv
import io
import re
from datetime import datetime
from typing import Final

from booking.clock import ZONE
from booking.sheets.cells import Cell, Sheet, is_formula, plain

CSV_TYPE: Final = "text/csv; charset=utf-8"
_MARK: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of the machine, and Vietnamese for gibberish."""


def csv_bytes(sheet: Sheet, *, delimiter: str = ",", mark: bool = True) -> bytes:
    """The file of one table. A text that a spreadsheet would run begins with an apostrophe, as one types it by hand.

    So does what stands behind a sign at which a spreadsheet set up for another country parts this file anew.
    Programs that are no spreadsheet may want another delimiter, and no mark.
    """
    written = io.StringIO()
    lines = csv.writer(written, delimiter=delimiter, lineterminator="\r\n")
    for row in (sheet.headings, *sheet.rows):
        lines.writerow([_value(cell, delimiter) for cell in row])
    return ((_MARK if mark else "") + written.getvalue()).encode()


def _value(cell: Cell, delimiter: str) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _parted_safely(f"'{plain(cell)}" if is_formula(cell) else plain(cell), delimiter)
    if isinstance(cell, datetime):
        return f"{cell.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, int | float):
        return cell
    return cell.isoformat()


_PARTS: Final = re.compile("([;,])")
"""Excel parts by the sign of the country it is set up for: a semicolon where a comma stands in numbers."""


def _parted_safely(text: str, delimiter: str) -> str:
    """The text, with no part of it a formula where another sign than ours parts cells, whatever is quoted."""
    first, *rest = _PARTS.split(text)
    for sign, part in zip(rest[::2], rest[1::2], strict=True):
        # A quote that opens there is passed over, because the one that was to open stands in the cell before.
        runs = sign != delimiter and is_formula(part.replace('"', ""))
        first += f"{sign}'{part}" if runs else f"{sign}{part}"
    return first
