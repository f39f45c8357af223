"""Samples of a hospital's exports for tests: the three shapes, the truth about them, and files made to order."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from booking.exchange.rules import GridSlot, StagedRow, closings
from scheduler.exports import read_export
from scheduler.exports.checking import collect
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import load_feed, parse_feed
from scheduler.exports.report import Report

ROOT = Path(__file__).parent.parent
HIS = ROOT / "tests" / "data" / "his"
FEEDS = ROOT / "deploy" / "feeds"
SHAPES = {
    "gnuhealth-url": "t0.url.csv",
    "gnuhealth-desktop-vi": "t0.gtk-vi.csv",
    "gnuhealth-desktop-utf16": "t0.gtk-utf16-tab.csv",
}
TODAY = date(2026, 11, 23)
EXAMPLES = {
    "workbook": ("lich-hen.xlsx",),
    "page-named-xls": ("lich-hen.xls",),
    "old-font": ("lich-hen.tcvn3.txt",),
    "hl7-siu": ("siu.hl7",),
    "fhir": ("bundle.json", "appointments.ndjson"),
    "calendar": ("calendar.ics",),
}
"""Worked examples, one a format, and the files in tests/data/feeds they read: all of the same day."""

WAYS = {"over-sftp": "siu.hl7", "over-https": "bundle.json"}
"""Worked examples of feeds that are fetched, and what their servers give in tests: of the same day too."""

Time = tuple[str, datetime, datetime]


@cache
def grid() -> tuple[GridSlot, ...]:
    """Every slot that the doctors' sessions make."""
    days: dict[str, list[list[str]]] = json.loads((HIS / "grid.json").read_text())
    spans = [(doctor, start, end) for doctor, theirs in days.items() for start, end in theirs]
    return tuple(
        GridSlot(number, doctor, datetime.fromisoformat(start), datetime.fromisoformat(end))
        for number, (doctor, start, end) in enumerate(spans)
    )


@cache
def truth() -> frozenset[Time]:
    """Every slot that must be closed."""
    closed = json.loads((HIS / "t0.closed.json").read_text())["closed"]
    return frozenset(
        (each["doctor"], datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in closed
    )


@cache
def open_as_free_list() -> frozenset[tuple[str, datetime]]:
    """Every slot left open when the file is read as a list of free times."""
    left = json.loads((HIS / "t0.closed.json").read_text())["open_if_file_lists_free"]
    return frozenset((doctor, datetime.fromisoformat(start)) for doctor, start in left)


def times(slots: Iterable[GridSlot]) -> frozenset[Time]:
    """Slots as the truth names them."""
    return frozenset((slot.resource, slot.starts_at, slot.ends_at) for slot in slots)


def closed_by(rows: Sequence[StagedRow]) -> frozenset[Time]:
    """The slots of the grid that rows close."""
    found = closings(rows, grid())
    return times(slot for slot in grid() if slot.id in found)


def closed_by_report(report: Report) -> frozenset[Time]:
    """The slots of the grid that the busy times of a report overlap."""
    return times(
        slot
        for slot in grid()
        if any(start < slot.ends_at and end > slot.starts_at for start, end in report.busy.get(slot.resource, ()))
    )


def read(feed: Feed, data: bytes) -> tuple[list[StagedRow], Report]:
    """Rows and report of a file that is only bytes."""
    return collect(feed, read_export(feed, BytesIO(data), today=TODAY), today=TODAY)


def shape(name: str) -> tuple[Feed, bytes]:
    """One of the three shapes with its feed."""
    return load_feed(FEEDS / f"{name}.toml"), (HIS / SHAPES[name]).read_bytes()


def cells_of(name: str) -> list[list[str]]:
    """The rows of a shape as written, the header first."""
    feed, data = shape(name)
    text = data.decode("utf-8-sig" if feed.csv.encoding.startswith("utf-8") else "utf-16")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=feed.csv.delimiter))


def written(
    rows: Iterable[Sequence[str]], *, delimiter: str = ",", encoding: str = "utf-8", end: str = "\r\n", quote: str = '"'
) -> bytes:
    """Rows as a file."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quotechar=quote).writerows(rows)
    return out.getvalue().encode(encoding)


SMALL = """
code = "small"
facility = "BVVT"
[source]
format = "csv"
[columns]
id = "ID"
start = "Start"
end = "End"
state = "State"
[columns.resource]
doctor = "Doctor"
[times]
formats = ["%Y-%m-%d %H:%M"]
zone = "Asia/Ho_Chi_Minh"
[states]
closes = "busy"
releases = "cancelled"
free = "free"
[absence]
meaning = "busy_list"
[resources.an]
keys = "Dr An"
slot_minutes = 30
"""
HEADER = ("ID", "Start", "End", "Doctor", "State")


def small(*changes: tuple[str, str], more: str = "") -> Feed:
    """The smallest feed with parts of its text replaced; each must be there."""
    text = SMALL
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_feed(text + more)


def small_file(*rows: Sequence[str], header: Sequence[str] = HEADER) -> bytes:
    """A file for `small()`."""
    return written([header, *rows])
