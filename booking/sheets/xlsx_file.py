"""XLSX through openpyxl, which nobody else writes with. A text is written as a text, whatever it begins with.

openpyxl is imported where a file is written: it takes a tenth of a second, and every process of ours would pay that at
its start, most of them for nothing.
"""

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from booking.clock import ZONE
from booking.sheets.cells import Cell, Sheet, is_formula, plain

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_LONGEST_TITLE: Final = 31
_LONGEST_TEXT: Final = 32_767
_NOT_IN_TITLE: Final = re.compile(r"[\[\]:*?/\\']")
_WIDEST: Final = 60
_NARROWEST: Final = 8
_LOOKED_AT: Final = 200
"""Rows that decide how wide a column is."""


def xlsx_bytes(sheets: Sequence[Sheet], *, made_at: datetime) -> bytes:
    """The file of several tables, one a tab, their headings in sight. `made_at` is what the file says of itself."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    book.properties.creator = "Hẹn Khám"
    book.properties.created = book.properties.modified = made_at.astimezone(UTC).replace(tzinfo=None)
    for sheet in sheets:
        _write(book, sheet)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _write(book: Any, sheet: Sheet) -> None:
    from openpyxl.utils import get_column_letter

    tab = book.create_sheet(_title(sheet.title, {one.title for one in book.worksheets}))
    tab.freeze_panes = "A2"
    for number, heading in enumerate(sheet.headings, start=1):
        seen = [heading, *(row[number - 1] for row in sheet.rows[:_LOOKED_AT])]
        widest = max(len(str(_value(cell))) for cell in seen)
        tab.column_dimensions[get_column_letter(number)].width = min(_WIDEST, max(_NARROWEST, widest + 2))
    tab.append([_cell(tab, heading, bold=True) for heading in sheet.headings])
    for row in sheet.rows:
        tab.append([_cell(tab, cell) for cell in row])


def _title(wanted: str, taken: set[str]) -> str:
    """A title as Excel allows it, and no other tab's."""
    title = _NOT_IN_TITLE.sub(" ", plain(wanted))[:_LONGEST_TITLE].strip() or "1"
    number = 2
    while title.casefold() in {one.casefold() for one in taken}:
        title = f"{title[: _LONGEST_TITLE - 4]} {number}"
        number += 1
    return title


def _cell(tab: Any, value: Cell, *, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(tab, value=_value(value))
    if isinstance(value, str):
        # Said after the value was set: openpyxl takes what begins with = for a formula, and #N/A for an error.
        cell.data_type = "s"
        cell.quotePrefix = is_formula(value)  # it stays a text when somebody edits it
    if bold:
        cell.font = Font(bold=True)
    return cell


def _value(cell: Cell) -> Any:
    if isinstance(cell, str):
        return plain(cell)[:_LONGEST_TEXT]
    if isinstance(cell, datetime):
        return cell.astimezone(ZONE).replace(tzinfo=None, microsecond=0)
    return cell
