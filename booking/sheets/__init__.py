"""Tables that people take away: CSV and XLSX that say in a spreadsheet what they say here, and run nothing there.

    sheet = Sheet("Khung giờ", ("Giờ", "Số lượt"), [("07:00", 12), ("08:00", 31)])
    csv_bytes(sheet)                                  # one table
    xlsx_bytes([sheet, ...], made_at=now)             # several, one a tab

Every file we hand out that a spreadsheet may open is written here: `cells.py` is the one place that knows which text a
spreadsheet would run.
"""

from booking.sheets.cells import Cell, Sheet, is_formula, plain
from booking.sheets.csv_file import CSV_TYPE, csv_bytes
from booking.sheets.xlsx_file import XLSX_TYPE, xlsx_bytes

__all__ = ["CSV_TYPE", "XLSX_TYPE", "Cell", "Sheet", "csv_bytes", "is_formula", "plain", "xlsx_bytes"]
