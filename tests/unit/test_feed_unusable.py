"""Rows that tell less than they should: counted, guarded by share and beside the file before, and said in words."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO

import openpyxl
import pytest

from booking.clock import day_bounds
from booking.exchange.guarding import Scope, Signs, Thresholds, guard
from booking.exchange.kinds import AbsenceMeaning, GuardReason, VerdictKind
from booking.text import clean
from scheduler.exports.lengths import length_of
from scheduler.exports.merges import Merge, merges_in
from scheduler.exports.report import Report
from scheduler.exports.wording import explain_guard
from tests.exports import SHAPES, closed_by_report, read, shape, small, small_file, truth
from tests.unit.test_feed_guards import DAYS, MONDAY, SOUND

LENGTH = ('end = "End"', 'duration = "End"')


def filed(*rows: tuple[str, str, str, str], feed_of: tuple[tuple[str, str], ...] = ()) -> Report:
    return read(small(*feed_of), small_file(*((str(at), *row) for at, row in enumerate(rows))))[1]


def starts(number: int, doctor: str = "Dr An", end: str = "") -> list[tuple[str, str, str, str]]:
    return [(f"2026-11-23 {7 + at // 4:02}:{at % 4 * 15:02}", end, doctor, "busy") for at in range(number)]


def begin_of(number: int) -> datetime:
    return day_bounds(MONDAY + timedelta(days=number))[0]


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (replace(SOUND, without_resource=6), GuardReason.WITHOUT_RESOURCE),
        (replace(SOUND, without_start=6), GuardReason.WITHOUT_START),
        (replace(SOUND, bad_ends=6), GuardReason.BAD_ENDS),
    ],
)
def test_a_guard_counts_each_kind(signs: Signs, reason: GuardReason) -> None:
    verdict = guard(SOUND, signs, scope=Scope(MONDAY))
    assert (verdict.kind, [found for found, _ in verdict.reasons]) == (VerdictKind.CLOSINGS_ONLY, [reason])
    told = explain_guard(*verdict.reasons[0])
    assert "6 of 100" in told
    assert told.endswith("In the last file it was 0 of 100.")
    assert "last file" not in explain_guard(*guard(None, signs).reasons[0])
    below = replace(SOUND, without_resource=5, without_start=5, bad_ends=5)
    assert guard(SOUND, below, scope=Scope(MONDAY)).kind is VerdictKind.APPLY
    few = replace(signs, rows=4, read=4, without_resource=2, without_start=2, bad_ends=2)
    assert guard(None, few).kind is VerdictKind.APPLY
    off = Thresholds(without_resource=1, without_start=1, bad_ends=1)
    assert guard(None, signs, limits=off).kind is VerdictKind.APPLY


NORMAL = replace(SOUND, rows=1024, read=1024, compared=0, without_resource=9, without_start=9, bad_ends=9)


@pytest.mark.parametrize("name", ["refused", "unmapped", "without_resource", "without_start", "bad_ends"])
def test_more_than_in_the_last_file_speaks_below_the_share(name: str) -> None:
    before = getattr(NORMAL, name)
    more, fewer = replace(NORMAL, **{name: before + 22}), replace(NORMAL, **{name: before + 20})
    kinds = [guard(NORMAL, signs, scope=Scope(MONDAY)).kind for signs in (more, fewer)]
    assert kinds == [VerdictKind.CLOSINGS_ONLY, VerdictKind.APPLY]
    assert guard(None, more).kind is VerdictKind.APPLY, "a first file has nothing beside it"
    usual = replace(NORMAL, **{name: before + 19})
    assert guard(usual, more, scope=Scope(MONDAY)).kind is VerdictKind.APPLY
    changes = Scope(MONDAY, meaning=AbsenceMeaning.CHANGE_FEED)
    assert guard(NORMAL, more, scope=changes).kind is VerdictKind.APPLY
    loose = Thresholds(worse=1)
    assert guard(NORMAL, more, scope=Scope(MONDAY), limits=loose).kind is VerdictKind.APPLY


def test_what_an_older_report_did_not_count_is_no_growth() -> None:
    kept = {name: value for name, value in NORMAL.plain().items() if name not in ("without_resource", "bad_ends")}
    more = replace(NORMAL, without_resource=40, bad_ends=40)
    assert guard(Signs.from_plain(kept), more, scope=Scope(MONDAY)).kind is VerdictKind.APPLY
    assert guard(Signs.from_plain(NORMAL.plain()), more, scope=Scope(MONDAY)).kind is VerdictKind.CLOSINGS_ONLY


def test_a_doctor_only_in_the_first_row_of_a_group_is_noticed() -> None:
    grouped = filed(*starts(1), *starts(18, doctor=""))
    assert (grouped.read, grouped.signs.without_resource) == (1, 18)
    assert dict(grouped.verdict.reasons)[GuardReason.WITHOUT_RESOURCE] == {"rows": 18, "of": 19}
    assert filed(*starts(19)).verdict.kind is VerdictKind.APPLY


def test_starts_that_are_missing_are_noticed_and_the_foot_of_a_table_is_not() -> None:
    empty = [("", "", "Dr An", "busy")] * 9
    assert GuardReason.WITHOUT_START in dict(filed(*starts(9), *empty).verdict.reasons)
    foot = [("", "", "Total: 9", ""), ("", "", "", "Seen"), ("Signature", "", "", ""), ("Printed by", "", "", "")]
    report = filed(*starts(9), *foot)
    assert (report.signs.without_resource, report.signs.without_start) == (0, 0)


def test_ends_that_cannot_be_read_are_noticed() -> None:
    words = filed(*starts(9, end="half past"))
    assert (words.read, dict(words.verdict.reasons)[GuardReason.BAD_ENDS]) == (9, {"rows": 9, "of": 9})
    assert GuardReason.BAD_ENDS in dict(filed(*starts(9, end="2026-11-23 02:00")).verdict.reasons)
    assert filed(*starts(9, end="2026-11-23 23:00")).verdict.kind is VerdictKind.APPLY
    assert filed(*starts(9)).verdict.kind is VerdictKind.APPLY, "an export may have no ends"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30", 30), ("30.0", 30), ("30 phút", 30), ("30 Phút", 30), ("30p", 30), ("30 ph.", 30), ("30'", 30),
        ("90 min", 90), ("45 minutes", 45), ("0:30", 30), ("01:30:00", 90), ("1h", 60), ("1H30", 90), ("1g30", 90),
        ("1 giờ", 60), ("1 giờ 15 phút", 75), ("1h 05'", 65), ("1,5 giờ", 90), ("0.5h", 30), ("2 hours", 120),
        ("PT30M", 30), ("pt1h30m", 90), ("PT1H", 60), ("PT90M0S", 90),
        ("", None), ("phút", None), ("PT", None), ("P1D", None), ("1,5h30", None), ("-30", None), ("1:3", None),
        ("30 giây", None), ("12345", None), ("30 x", None), ("PT30", None),
    ],
)  # fmt: skip
def test_lengths_in_words(text: str, minutes: int | None) -> None:
    found = length_of(clean(text))
    assert found == (None if minutes is None else timedelta(minutes=minutes))


def test_a_length_in_words_makes_the_end() -> None:
    report = filed(*starts(1, end="1 giờ 30 phút"), feed_of=(LENGTH,))
    assert [end - start for start, end in report.busy["an"]] == [timedelta(minutes=90)]
    assert GuardReason.BAD_ENDS in dict(filed(*starts(9, end="một tiếng"), feed_of=(LENGTH,)).verdict.reasons)


def test_a_period_that_moves_on_misses_no_day_before_it() -> None:
    coming = {MONDAY + timedelta(days=number): 20 for number in range(4, 9)}
    next_week = replace(SOUND, days=coming, resources={"an": coming, "binh": {MONDAY + timedelta(days=4): 5}})
    window = (begin_of(4), begin_of(9))
    moved = Scope(MONDAY, window, meaning=AbsenceMeaning.FULL_SNAPSHOT)
    assert guard(SOUND, next_week, scope=moved).kind is VerdictKind.APPLY
    wider = replace(moved, window=(begin_of(0), begin_of(9)))
    assert GuardReason.DAYS_MISSING in dict(guard(SOUND, next_week, scope=wider).reasons)
    hole = {day: count for day, count in coming.items() if day != MONDAY + timedelta(days=4)}
    earlier = replace(SOUND, days={**DAYS, **coming})
    assert GuardReason.DAYS_MISSING in dict(guard(earlier, replace(next_week, days=hole), scope=moved).reasons)


@pytest.mark.parametrize("name", SHAPES)
def test_a_real_export_is_below_every_guard_alone_and_beside_itself(name: str) -> None:
    feed, data = shape(name)
    report = read(feed, data)[1]
    signs = report.signs
    assert (signs.without_resource, signs.without_start, signs.bad_ends) == (6, 3, 3)
    assert report.verdict.kind is VerdictKind.APPLY
    assert guard(signs, signs, scope=Scope(date(2026, 11, 23))).kind is VerdictKind.APPLY
    assert closed_by_report(report) == truth()


def test_what_is_taken_is_what_applies() -> None:
    more = "[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-11-23\n"
    rows = [
        ("1", "2026-11-22 23:30", "2026-11-23 00:30", "Dr An", "busy"),
        ("2", "2026-11-23 08:00", "", "Dr An", "busy"),
        ("3", "2026-11-24 08:00", "", "Dr An", "busy"),
    ]
    report = read(small(('"busy_list"', '"full_snapshot"'), more=more), small_file(*rows))[1]
    assert [f"{start + timedelta(hours=7):%d %H:%M}" for start, _ in report.busy["an"]] == ["22 23:30", "23 08:00"]


def workbook(*merged: str, header: tuple[str, ...] = ("ID", "Start", "End", "Doctor", "State")) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header)
    for number in range(8):
        sheet.append([number + 1, f"2026-11-23 {8 + number:02}:00", None, "Dr An" if number == 0 else None, "busy"])
    for cells in merged:
        sheet.merge_cells(cells)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_doctor_in_merged_cells_stands_in_each_row() -> None:
    feed = small(('format = "csv"', 'format = "xlsx"'))
    report = read(feed, workbook("D2:D9"))[1]
    assert (report.read, report.signs.without_resource, report.verdict.kind) == (8, 0, VerdictKind.APPLY)
    some = read(feed, workbook("D2:D4"))[1]
    assert (some.read, some.signs.without_resource) == (3, 5)
    assert GuardReason.WITHOUT_RESOURCE in dict(some.verdict.reasons)
    assert read(feed, workbook())[1].read == 1
    headed = read(feed, workbook("D1:D9"))[1]
    assert headed.read == 0, "what is merged with the header is a heading"


def test_merged_cells_are_found_wherever_they_stand() -> None:
    sheet = b"<mergeCells>" + b"".join(
        b'<x:mergeCell a="1" ref="%s:%s"/>' % pair for pair in ((b"B2", b"C9"), (b"A1", b"H1"), (b"ZZZ1", b"ZZZ9"))
    )
    assert merges_in(BytesIO(b" " * ((1 << 20) - 40) + sheet)) == [Merge(1, 2, 9)]
    many = b"".join(b'<mergeCell ref="A%d:A%d"/>' % (number, number + 1) for number in range(1, 100_003))
    assert merges_in(BytesIO(many)) == []
