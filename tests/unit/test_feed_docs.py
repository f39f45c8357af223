"""docs/feeds.md is complete and exact: its tables name every key and reason, its examples are feeds."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from io import BytesIO
from typing import Any, get_args

import openpyxl
import pytest
from pydantic import BaseModel

from booking.exchange.errors import ExportUnreadable
from booking.exchange.guarding import guard
from booking.exchange.kinds import (
    GuardReason,
    NoteReason,
    RefusalReason,
    ServerProblem,
    SkipReason,
    UnreadableReason,
    VerdictKind,
)
from scheduler.exports import READERS
from scheduler.exports.checking import check, unreadable_json
from scheduler.exports.encodings import ENCODINGS
from scheduler.exports.feed import Feed, Source
from scheduler.exports.feed_file import load_any, load_feed, parse_feed
from scheduler.exports.serials import EPOCHS
from scheduler.exports.summary import summary
from scheduler.exports.times import DIRECTIVES
from tests.exports import EXAMPLES, FEEDS, HEADER, HIS, ROOT, SHAPES, SMALL, TODAY, WAYS, read, small, small_file

VIETNAM = timedelta(hours=7)
MANUAL = (ROOT / "docs" / "feeds.md").read_text()


def table(title: str) -> list[list[str]]:
    """Rows of the first table under a heading."""
    part = MANUAL.split(f" {title}\n", 1)[1]
    block = re.search(r"\n\|[^\n]*\n\|[-| ]+\n((?:\|[^\n]*\n)+)", part)
    assert block is not None, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].splitlines()]


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key a feed may have, tables opened, free names in capitals."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        free = {"resources": ".CODE", "resource": ".NAME"}.get(name, "")
        inner = next(
            (each for each in [kind, *flat(kind)] if isinstance(each, type) and issubclass(each, BaseModel)), None
        )
        found += keys(inner, f"{prefix}{name}{free}.") if inner else [f"{prefix}{name}{free}"]
    return found


def flat(kind: Any) -> list[Any]:
    return [each for argument in get_args(kind) for each in (argument, *flat(argument))]


def test_the_table_of_keys_is_the_model() -> None:
    assert [row[0].strip("`") for row in table("Every key")] != []
    assert sorted(row[0].strip("`") for row in table("Every key")) == sorted(keys(Feed))


def test_the_defaults_of_the_table_are_those_of_the_model() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in table("Every key")}
    feed = parse_feed(SMALL)
    for part in ("csv", "limits", "guards"):
        for name, value in type(getattr(feed, part))().model_dump().items():
            assert told[f"{part}.{name}"] == (str(value) if value != () else "none"), name
    assert told["source.pattern"] == feed.source.pattern


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Why a row is skipped", SkipReason),
        ("Why a row is refused", RefusalReason),
        ("What is noted about rows that are used", NoteReason),
        ("Why a file cannot be read", UnreadableReason),
        ("What holds a file back", GuardReason),
        ("Why nothing is fetched", ServerProblem),
    ],
)
def test_every_reason_is_explained(title: str, kind: type[StrEnum]) -> None:
    assert [row[0].strip("`") for row in table(title)] == [member.value for member in kind]


def test_every_directive_and_encoding_is_named() -> None:
    told = " ".join(row[0] for row in table("Dates and times"))
    assert all(f"`%{name}`" in told for name in DIRECTIVES)
    assert all(f"`{name}`" in MANUAL for name in [*EPOCHS, "iso", *ENCODINGS])


def test_the_json_is_described_name_by_name() -> None:
    name = next(iter(SHAPES))
    answer = check(load_feed(FEEDS / f"{name}.toml"), HIS / SHAPES[name], today=TODAY).as_json()
    told = re.findall(r"`(\w+)`", " ".join(row[0] for row in table("What `--json` prints")))
    assert sorted(told) == sorted(answer)
    feed = load_feed(FEEDS / f"{name}.toml")
    with pytest.raises(ExportUnreadable) as unread:
        check(feed, HIS / "absent.csv", today=TODAY)
    missing = unreadable_json(feed, unread.value)
    assert missing["readable"] is False
    assert set(missing) == {"feed", "facility", "readable", "unreadable"}


def a_workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Ngày khám", "Từ giờ", "Đến giờ", "Bác sĩ"])
    sheet.append([date(2026, 11, 23), time(7, 30), time(8, 0), "Bác sĩ An"])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def test_every_chapter_is_in_the_table_of_contents_or_below_one_that_is() -> None:
    def anchors(marks: str) -> set[str]:
        titles = re.findall(rf"^{marks} (.+)$", MANUAL, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    links = set(re.findall(r"\]\(#([^)]+)\)", MANUAL))
    assert links <= anchors("##+")
    assert anchors("##") <= links


MANUAL_ROWS = [
    (["1", "2026-11-23 08:00", "", "Dr An", "busy"], {}, {}),
    (["", "", "", "", ""], {"blank": 1}, {}),
    (list(HEADER), {"blank": 1}, {}),
    (["", "", "", "", "busy"], {"continuation": 1}, {}),
    (["", "", "", "Dr An", ""], {"no_start": 1}, {}),
    (["Tổng cộng: 1", "", "", "", ""], {"no_start": 1}, {}),
    (["", "Tổng cộng", "", "", ""], {}, {"no_row_key": 1}),
    (["2", "Tổng cộng", "", "", ""], {"no_resource": 1}, {}),
    (["2", "2026-11-23", "", "Dr An", ""], {}, {"bad_start": 1}),
    (["2", "07:30-08:00", "", "Dr An", ""], {}, {"bad_start": 1}),
    (["2", "NULL", "", "Dr An", ""], {}, {"bad_start": 1}),
    (["2", "2026-11-23 08:00", "", "NULL", ""], {"unmapped_resource": 1}, {}),
    (["2", "2026-11-23 08:00", "", '="Dr An"', ""], {"unmapped_resource": 1}, {}),
    (["2", "2026-11-23 08:00"], {}, {"wrong_width": 1}),
]


@pytest.mark.parametrize(("cells", "skipped", "refused"), MANUAL_ROWS, ids=str)
def test_what_is_said_of_rows_that_are_no_visits_holds(
    cells: list[str], skipped: dict[str, int], refused: dict[str, int]
) -> None:
    report = read(small(), small_file(cells))[1]
    assert (report.skipped, report.refused) == (skipped, refused)


def test_the_examples_in_the_text_are_feeds() -> None:
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL) if "[slips]" not in block]
    assert len(blocks) == 7
    smallest, _hours, key, beside, book, split, free = blocks
    assert parse_feed(smallest).code == "small"
    head, *rest = smallest.split("[columns]")
    tail = "[absence]" + rest[0].split("[absence]")[1]
    assert parse_feed(head + split + tail).columns.duration == ("Số phút",)
    resources = "[resources.an]" + tail.split("[resources.an]")[1]
    assert parse_feed(head + free + resources).coverage is not None
    workbook = parse_feed(head.replace('"csv"', '"xlsx"') + book + tail.replace("Dr An", "Bác sĩ An"))
    rows, report = read(workbook, a_workbook())
    assert [(row.starts_at + VIETNAM, row.ends_at and row.ends_at + VIETNAM) for row in rows] == [
        (datetime(2026, 11, 23, 7, 30, tzinfo=UTC), datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    ]
    assert (report.refused, report.notes) == ({}, {})
    two = tail.replace("Dr An", "An") + '[resources.p1]\nkeys = "P1"\nslot_minutes = 15\n'
    times = "[times]" + rest[0].split("[times]")[1].split("[absence]")[0]
    rows, report = read(
        parse_feed(head + beside + times + two),
        "Bắt đầu,Bác sĩ,Phụ tá,Room\n23/11/2026 07:30,An,,P1\n23/11/2026 08:00,An,,Phòng chờ\n".encode(),
    )
    assert [(row.resource, row.starts_at.minute) for row in rows] == [("an", 30), ("p1", 30), ("an", 0)]
    assert (report.refused, report.unmapped) == ({}, {})
    plain = "[columns]\nstart = 'Start'\n[times]" + rest[0].split("[times]")[1].split("[resources")[0]
    assert parse_feed(head + plain + key).ways == (("licence",), ("name", "specialty"))


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_the_one_system_reads_its_sample(name: str) -> None:
    assert check(load_feed(FEEDS / f"{name}.toml"), HIS / SHAPES[name], today=TODAY).read == 1665
    assert f"{name}.toml" in MANUAL


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in EXAMPLES.items() for file in files])
def test_every_worked_example_reads_its_sample_and_all_tell_of_the_same_day(name: str, file: str) -> None:
    report = check(load_feed(FEEDS / f"{name}.toml"), ROOT / "tests" / "data" / "feeds" / file, today=TODAY)
    shown = {code: [f"{start + VIETNAM:%H:%M}-{end + VIETNAM:%H:%M}" for start, end in spans]
             for code, spans in report.busy.items()}  # fmt: skip
    assert shown == {"an": ["07:30-08:00", "08:30-09:00"], "binh": ["07:30-07:45", "08:00-08:15"]}
    assert (report.refused, report.unmapped, report.unknown_states, report.notes) == ({}, {}, {}, {})
    assert report.verdict.kind is VerdictKind.APPLY
    assert f"`deploy/feeds/{name}.toml`" in MANUAL


def test_no_worked_example_is_forgotten() -> None:
    assert {path.stem for path in FEEDS.glob("*.toml")} == set(SHAPES) | set(EXAMPLES) | set(WAYS) | {"reexam-slips"}
    formats = {load_any(path).source.format for path in FEEDS.glob("*.toml")}
    assert formats == set(READERS)


def test_every_format_has_a_reader_and_every_reader_a_format() -> None:
    assert set(get_args(Source.model_fields["format"].annotation)) == set(READERS)


def test_the_summary_for_a_terminal_tells_what_the_report_tells() -> None:
    name = next(iter(SHAPES))
    report = check(load_feed(FEEDS / f"{name}.toml"), HIS / SHAPES[name], today=TODAY)
    told = "\n".join(summary(report))
    facts = ("1665 rows apply", "no_start 3", "outside_coverage 2", "(empty): 4 rows", "Verdict: apply", "2062-11-26")
    for part in facts:
        assert part in told
    held = guard(None, replace(report.signs, outside_hours=report.signs.compared))
    assert "Is times.zone right?" in "\n".join(summary(replace(report, verdict=held)))
