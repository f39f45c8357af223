"""CSV as Excel reads it in Vietnam: UTF-8 with a mark at the beginning, commas, dates as 2026-11-30."""

import csv
import io
from datetime import datetime
from typing import Final

from booking.clock import ZONE
from booking.sheets.cells import Cell, Sheet, is_formula, plain

CSV_TYPE: Final = "text/csv; charset=utf-8"
_MARK: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of the machine, and Vietnamese for gibberish."""


def csv_bytes(sheet: Sheet, *, delimiter: str = ",", mark: bool = True) -> bytes:
    """The file of one table. A text that a spreadsheet would run begins with an apostrophe, as one types it by hand.

    Programs that are no spreadsheet may want another delimiter, and no mark.
    """
    written = io.StringIO()
    lines = csv.writer(written, delimiter=delimiter, lineterminator="\r\n")
    for row in (sheet.headings, *sheet.rows):
        lines.writerow([_value(cell) for cell in row])
    return ((_MARK if mark else "") + written.getvalue()).encode()


def _value(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{plain(cell)}" if is_formula(cell) else plain(cell)
    if isinstance(cell, datetime):
        return f"{cell.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, int | float):
        return cell
    return cell.isoformat()
