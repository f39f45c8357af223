"""Workbooks, and pages with a table that are named .xls: read as a CSV of the same rows is; broken ones refused."""

import io
import zipfile
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import SkipReason, UnreadableReason
from booking.exchange.rules import StagedRow
from scheduler.exports.checking import unreadable_json
from scheduler.exports.feed import Feed
from tests.exports import HEADER, cells_of, closed_by, read, shape, small, small_file, truth

FORM = 'formats = ["%Y-%m-%d %H:%M"]'
ROWS = [
    ("1", "2026-11-23 07:30", "2026-11-23 08:00", "Dr An", "busy"),
    ("2", "2026-11-23 08:00", "2026-11-23 08:30", "Dr An", "cancelled"),
    ("3", "2026-11-23 08:30", "2026-11-23 09:00", "Dr An", "chờ\nkhám"),
    ("4", "2026-11-23 09:00", "", "Dr Bình", "busy"),
]


def of(kind: str, *changes: tuple[str, str], more: str = "") -> Feed:
    return small(('format = "csv"', f'format = "{kind}"'), *changes, more=more)


def book(*rows: Any, title: str = "Lịch", others: tuple[str, ...] = (), mac: bool = False) -> bytes:
    made = openpyxl.Workbook()
    if mac:
        made.epoch = CALENDAR_MAC_1904
    made.active.title = title
    for row in rows:
        made.active.append(list(row))
    for other in others:
        made.create_sheet(other, 0)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def page(*rows: Any, before: str = "<html><head><meta charset='utf-8'><style>td { }</style></head><body>") -> bytes:
    lines = ["<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows]
    text = before + "<TABLE border=1>" + "\r\n".join(lines) + "</TABLE></body></html>"
    return text.encode()


def plain(rows: list[StagedRow]) -> list[tuple[object, ...]]:
    return [(row.row_key, row.starts_at, row.ends_at, row.resource, row.state_text, row.closes) for row in rows]


def unreadable(feed: Feed, data: bytes) -> UnreadableReason:
    with pytest.raises(ExportUnreadable) as caught:
        read(feed, data)
    assert unreadable_json(feed, caught.value)["unreadable"]  # whatever the reason, it can be told in words
    return caught.value.reason


def test_a_workbook_and_a_page_say_what_a_csv_of_the_same_rows_says() -> None:
    wanted, told = read(small(), small_file(*ROWS))
    for kind, data in (("xlsx", book(HEADER, *ROWS)), ("html", page(HEADER, *ROWS))):
        rows, report = read(of(kind), data)
        assert plain(rows) == plain(wanted), kind
        assert report.unmapped == told.unmapped == {"Dr Bình": 1}


@pytest.mark.parametrize("since", [1900, 1904])
def test_dates_of_a_workbook_are_dates_whichever_year_it_counts_from(since: int) -> None:
    mac, when = since == 1904, datetime(2026, 11, 23, 7, 30)  # noqa: DTZ001  as a sheet has it
    data = book(HEADER, (1, when, when.replace(hour=8), "Dr An", "busy"), mac=mac)
    (row,), _ = read(of("xlsx", (FORM, 'formats = ["iso"]')), data)
    assert (row.starts_at.isoformat(), row.row_key) == ("2026-11-23T00:30:00+00:00", "1")
    # Bare numbers carry no such mark: the feed says which day they count from.
    number, form = (44887.3125, "excel1904") if mac else (46349.3125, "excel1900")
    data = book(HEADER, (1, number, "", "Dr An", "busy"), mac=mac)
    (row,), _ = read(of("xlsx", (FORM, f'formats = ["{form}"]')), data)
    assert row.starts_at.isoformat() == "2026-11-23T00:30:00+00:00"


def test_a_date_and_a_time_of_day_in_two_cells() -> None:
    columns = ('start = "Start"\nend = "End"', 'start_date = "Start"\nstart_time = "End"')
    data = book(HEADER, ("7", date(2026, 11, 23), time(7, 30), "Dr An", "busy"))
    (row,), _ = read(of("xlsx", columns, (FORM, 'formats = ["iso", "%H:%M:%S"]')), data)
    assert row.starts_at.isoformat() == "2026-11-23T00:30:00+00:00"


def test_the_sheet_is_chosen_by_name_or_number_and_its_title_rows_are_passed_over() -> None:
    data = book(("Bệnh viện Mẫu",), ("Ngày 23/11",), (), HEADER, *ROWS, others=("Bìa",))
    feed = of("xlsx", more='\n[sheet]\nname = " lịch"\nskip_rows = 2\n')
    rows, _ = read(feed, data)
    assert len(rows) == 3
    rows, _ = read(of("xlsx", more="\n[sheet]\nnumber = 2\nskip_rows = 2\n"), data)
    assert len(rows) == 3
    for which in ('name = "Khác"', "number = 3"):
        assert unreadable(of("xlsx", more=f"\n[sheet]\n{which}\n"), data) is UnreadableReason.MISSING_SHEET


def test_the_table_is_chosen_by_number_and_tables_inside_cells_are_not_counted() -> None:
    first = "<table><tr><td><table><tr><td>x</td></tr></table></td></tr></table>"
    data = page(HEADER, *ROWS, before=first)
    assert len(read(of("html", more="\n[sheet]\nnumber = 2\n"), data)[0]) == 3
    assert unreadable(of("html", more="\n[sheet]\nnumber = 3\n"), data) is UnreadableReason.MISSING_SHEET


def test_cells_that_span_rows_and_columns_stand_in_each() -> None:
    data = (
        b"<table><tr><th>Doctor</th><th>Start</th><th>End</th><th>ID</th><th>State</th></tr>"
        b"<tr><td rowspan=2>Dr&nbsp;An</td><td>2026-11-23 07:30</td><td>2026-11-23 08:00</td><td colspan='2'>9</td>"
        b"</tr><tr><td>2026-11-23 08:00</td><td>2026-11-23 08:30</td><td>10</td>"
        b"<td>busy<!-- x --><script>y</script></td></tr>"
        b"<tr><td>Dr An<td>2026-11-23 08:30<td><td>11<td>b<b>us</b>y</table>"
    )
    rows, report = read(of("html"), data)
    assert [(row.row_key, row.state_text) for row in rows] == [("9", "9"), ("10", "busy"), ("11", "busy")]
    assert not report.unmapped


@pytest.mark.parametrize(("name", "kind"), [("gnuhealth-url", "xlsx"), ("gnuhealth-desktop-vi", "html")])
def test_the_real_export_in_another_dress_closes_exactly_what_is_true(name: str, kind: str) -> None:
    feed, _ = shape(name)
    cells = cells_of(name)
    import html

    clean = [[html.escape(cell.replace("\x0b", " ")) if kind == "html" else cell for cell in row] for row in cells]
    dressed = feed.model_copy(update={
        "source": feed.source.model_copy(update={"format": kind}), "csv": type(feed.csv)(),
    })  # fmt: skip
    rows, report = read(dressed, book(*clean) if kind == "xlsx" else page(*clean))
    assert closed_by(rows) == truth()
    assert report.skipped[SkipReason.NO_START.value] == 3


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("xlsx", small_file(*ROWS), UnreadableReason.WRONG_FORMAT),
        ("xlsx", page(HEADER, *ROWS), UnreadableReason.WRONG_FORMAT),
        ("xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, UnreadableReason.WRONG_FORMAT),
        ("xlsx", book(HEADER, *ROWS)[:-30], UnreadableReason.DAMAGED),
        ("xlsx", book(HEADER, *ROWS)[:2000], UnreadableReason.DAMAGED),
        ("xlsx", b"", UnreadableReason.WRONG_FORMAT),
        ("xlsx", book(), UnreadableReason.EMPTY),
        ("xlsx", book(("a", "b")), UnreadableReason.NO_HEADER),
        ("html", book(HEADER, *ROWS), UnreadableReason.WRONG_FORMAT),
        ("html", small_file(*ROWS), UnreadableReason.WRONG_FORMAT),
        ("html", page(HEADER, *ROWS)[:-40], UnreadableReason.CUT_OFF),
        ("html", page(HEADER, *ROWS)[:200], UnreadableReason.CUT_OFF),
        ("html", b"<table></table>", UnreadableReason.EMPTY),
        ("html", page(HEADER, *ROWS).replace("ờ".encode(), b"\xff"), UnreadableReason.NOT_DECODABLE),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, data: bytes, reason: UnreadableReason) -> None:
    assert unreadable(of(kind), data) is reason


def test_a_page_cut_anywhere_is_never_taken_for_a_whole_one() -> None:
    data = page(HEADER, *ROWS)
    whole = data.index(b"</TABLE>") + len(b"</TABLE>")
    for length in range(1, whole, 7):
        with pytest.raises(ExportUnreadable):
            read(of("html"), data[:length])


def test_a_workbook_cut_anywhere_is_never_taken_for_a_whole_one() -> None:
    data = book(HEADER, *ROWS)
    for length in range(1, len(data), 97):
        with pytest.raises(ExportUnreadable):
            read(of("xlsx"), data[:length])


def test_what_is_small_outside_and_enormous_inside_is_not_opened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", b"\0" * 25_000_000)
    feed = of("xlsx", more="\n[limits]\nmegabytes = 1\n")
    assert len(out.getvalue()) < 1_000_000
    assert unreadable(feed, out.getvalue()) is UnreadableReason.TOO_LARGE
    # Control: with a limit that allows it, it is opened, and is no workbook.
    assert unreadable(of("xlsx"), out.getvalue()) is UnreadableReason.DAMAGED


def test_limits_hold_for_cells_and_rows() -> None:
    long = ("1", "2026-11-23 07:30", "", "Dr An", "x" * 200)
    for kind, data in (("xlsx", book(HEADER, long)), ("html", page(HEADER, long))):
        feed = of(kind, more="\n[limits]\nfield_characters = 100\n")
        assert unreadable(feed, data) is UnreadableReason.FIELD_TOO_LONG
    feed = of("xlsx", more="\n[limits]\nrows = 2\n")
    assert unreadable(feed, book(HEADER, *ROWS)) is UnreadableReason.TOO_MANY_ROWS
