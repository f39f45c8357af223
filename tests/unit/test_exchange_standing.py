"""A row that stands in the file and cannot be used is not gone: what is kept follows it, without a database."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.following import Changes, follow, keyed
from booking.exchange.guarding import Signs, guard
from booking.exchange.history import pack_command, unpack_command
from booking.exchange.kinds import GuardReason, SkipReason, VerdictKind
from booking.exchange.rules import StagedRow, Trace
from booking.exchange.service import known_of
from scheduler.exports import wire
from scheduler.exports.feed import Feed
from scheduler.exports.reader import Skipped
from tests.exports import HEADER, read, small, small_file, written
from tests.feeds import QUIET, WINDOW, moment, row
from tests.unit.test_exchange_following import BUSY, FREE, SNAPSHOT

COVERAGE = "[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-11-28\n"
SNAP = ('"busy_list"', '"full_snapshot"')
DAY = ["17", "2026-11-23 08:00", "2026-11-23 08:30", "Dr An", "busy"]
OTHERS = [[str(number), f"2026-11-24 {number - 20:02}:00", "", "Dr An", "busy"] for number in range(28, 38)]
NO_ID = ('id = "ID"\n', "")


def terms_of(feed: Feed) -> Terms:
    return Terms(feed.absence.meaning, feed.window(date(2026, 11, 23)), feed.slot_minutes(), numbered=feed.numbered)


def after(feed: Feed, first: Sequence[Sequence[str]], second: bytes, *, believing_traces: bool = True) -> list[str]:
    """The times of 23 November that two files close one after the other, the second as if nothing held it."""
    terms = terms_of(feed)
    rows, _ = read(feed, small_file(*first))
    kept = follow({}, rows, terms, VerdictKind.APPLY).after({})
    rows, report = read(feed, second)
    found = follow(kept, rows, terms, VerdictKind.APPLY, traces=report.traces if believing_traces else ()).after(kept)
    return sorted(
        f"{each.starts_at + timedelta(hours=7):%H:%M}"
        for each in found.values()
        if each.closes and each.starts_at < moment("23:00")
    )


def now(*cells: str) -> bytes:
    """The file in which row 17 has become this."""
    return small_file(cells, *OTHERS)


UNUSABLE = {
    "refused": now("17", "23.11.2026", "", "Dr An", "busy"),
    "unmapped": now("17", "2026-11-23 08:00", "", "Dr An 2", "busy"),
    "no doctor": now("17", "2026-11-23 08:00", "", "", "busy"),
    "no start": now("17", "", "", "Dr An", "busy"),
    "a delimiter behind it": written([HEADER, *OTHERS]) + b"17,2026-11-23 08:00,,Dr, An,busy\r\n",
    "a line end inside": written([HEADER, *OTHERS]) + b"17,2026-11-23 08:00,,Dr\r\n An,busy\r\n",
}


@pytest.mark.parametrize("second", UNUSABLE.values(), ids=UNUSABLE)
def test_a_known_row_that_cannot_be_used_keeps_its_earlier_closing_and_one_that_is_with_nobody_does_not(
    second: bytes,
) -> None:
    feed = small(SNAP, more=COVERAGE)
    silent = second in (UNUSABLE["no doctor"], UNUSABLE["no start"])
    assert after(feed, [DAY, *OTHERS], second) == ([] if silent else ["08:00"]), "a snapshot's empty cell is its word"
    assert after(feed, [DAY, *OTHERS], second, believing_traces=False) == []
    busy = small()
    assert after(busy, [DAY, *OTHERS], second) == ["08:00"]


def test_a_delimiter_before_the_id_hides_it_not() -> None:
    feed, header = small(SNAP, more=COVERAGE), ("Note", "Start", "End", "Doctor", "State", "ID")
    first = written([header, ["x", *DAY[1:], "17"], *(["x", *each[1:], each[0]] for each in OTHERS)])
    torn = written([header, *(["x", *each[1:], each[0]] for each in OTHERS)])
    torn += b"x,y,2026-11-23 08:00,,Dr An,busy,17\r\n"
    terms = terms_of(feed)
    kept = follow({}, read(feed, first)[0], terms, VerdictKind.APPLY).after({})
    rows, report = read(feed, torn)
    assert {trace.row_key for trace in report.traces} == {"17", "busy"}
    assert "17" in follow(kept, rows, terms, VerdictKind.APPLY, traces=report.traces).after(kept)
    assert [one.row_key for one in known_of(report.traces, kept)] == ["17"], "what may be a name is not stored"


def test_readable_gone_called_off_or_elsewhere_it_goes() -> None:
    feed = small(SNAP, ("[resources.an]", '[resource_key]\nignore = "Dr Old"\n[resources.an]'), more=COVERAGE)
    whole = [DAY, *OTHERS]
    assert after(feed, whole, now("17", "2026-11-23 09:00", "", "Dr An", "busy")) == ["09:00"]
    assert after(feed, whole, small_file(*OTHERS)) == []
    for state in ("cancelled", "free"):
        assert after(feed, whole, now("17", "", "", "", state)) == []
        assert after(feed, whole, now("17", "23.11.2026", "", "Dr An", state)) == []
    assert after(feed, whole, now("17", "2026-11-23 08:00", "", "Dr Old", "busy")) == []


def test_a_row_that_moved_to_somebody_we_do_not_want_lets_its_time_go_under_every_meaning() -> None:
    ignoring = ("[resources.an]", '[resource_key]\nignore = "Dr Old"\n[resources.an]')
    moved = now("17", "2026-11-23 08:00", "", "Dr Old", "busy")
    for meaning in ("busy_list", "change_feed"):
        feed = small(('"busy_list"', f'"{meaning}"'), ignoring)
        assert after(feed, [DAY, *OTHERS], moved) == []
        assert after(feed, [DAY, *OTHERS], moved, believing_traces=False) == ["08:00"]
        assert after(feed, [DAY, *OTHERS], now("17", "2026-11-23 08:00", "", "Dr New", "busy")) == ["08:00"]


def test_a_cancellation_alone_in_a_file_is_heard_and_no_empty_file() -> None:
    feed = small(('"busy_list"', '"change_feed"'))
    alone = small_file(("17", "", "", "", "cancelled"))
    assert after(feed, [DAY, *OTHERS], alone) == []
    assert read(feed, alone)[1].verdict.kind is VerdictKind.APPLY
    silent = read(feed, small_file(("17", "", "", "", "busy")))[1].verdict
    assert GuardReason.NOTHING_READ in dict(silent.reasons)


NAMELESS = {
    "its doctor's": ([*DAY[:1], "23.11.2026", "", "Dr An", "busy"], ["08:00", "10:00"]),
    "its time's": ([*DAY[:1], "2026-11-23 08:00", "", "Dr New", "busy"], ["08:00"]),
    "nobody's at its time": ([*DAY[:1], "2026-11-23 08:00", "", "", "busy"], []),
    "called off": ([*DAY[:1], "2026-11-23 08:00", "", "", "cancelled"], []),
    "the foot of a table": ([*DAY[:1], "In total: 2", "", "", ""], []),
    "without a start": ([*DAY[:1], "", "", "Dr An", "busy"], []),
}


@pytest.mark.parametrize(("row", "left"), NAMELESS.values(), ids=NAMELESS)
def test_without_ids_it_may_be_any_that_is_missing_there(row: list[str], left: list[str]) -> None:
    feed = small(SNAP, NO_ID, more=COVERAGE)
    ten = ["18", "2026-11-23 10:00", "", "Dr An", "busy"]
    assert after(feed, [DAY, ten, *OTHERS], small_file(row, *OTHERS)) == left
    assert after(feed, [DAY, ten, *OTHERS], small_file(row, *OTHERS), believing_traces=False) == []


def test_a_torn_row_without_an_id_is_known_by_what_can_be_read() -> None:
    feed = small(SNAP, NO_ID, more=COVERAGE)
    torn = written([HEADER, *OTHERS]) + b"17,2026-11-23 08:00,,Dr, An,busy\r\n"
    assert after(feed, [DAY, *OTHERS], torn) == ["08:00"]


def kept_of(*rows: StagedRow, terms: Terms = SNAPSHOT) -> dict[str, StagedRow]:
    return keyed(rows, terms.meaning)


def test_of_two_rows_under_one_id_the_unusable_keeps_its_closing() -> None:
    kept = kept_of(row("5", "08:00"), row("5", "09:00"))
    told = follow(kept, [row("5", "09:00")], SNAPSHOT, VerdictKind.APPLY, traces=[Trace("5")])
    assert min(each.starts_at for each in told.after(kept).values() if each.closes) == moment("08:00")
    settled = follow(told.after(kept), [row("5", "09:00")], SNAPSHOT, VerdictKind.APPLY).after(told.after(kept))
    assert [each.starts_at for each in settled.values()] == [moment("09:00")]


def test_a_further_line_of_a_sound_row_changes_nothing() -> None:
    kept = kept_of(row("5", "08:00"))
    found = follow(kept, [row("5", "09:00")], SNAPSHOT, VerdictKind.APPLY, traces=[Trace("5")]).after(kept)
    assert [each.starts_at for each in found.values()] == [moment("09:00")]


def test_an_offer_that_cannot_be_read_is_no_offer_and_a_taken_time_stays() -> None:
    kept = kept_of(row("1", "08:00", closes=False, offers=True), row("2", "09:00"), terms=FREE)
    found = follow(kept, [], FREE, VerdictKind.APPLY, traces=[Trace("1"), Trace("2")]).after(kept)
    assert list(found) == ["2"]
    assert follow(kept, [], FREE, VerdictKind.APPLY, traces=[Trace("2", lets_go=True)]).after(kept) == {}


def test_a_visit_called_off_without_naming_anybody_frees_all_its_rows() -> None:
    kept = kept_of(row("17", "08:00"), row("17 #2", "08:00"), row("17 #3", "08:00"), row("18", "09:00"), terms=BUSY)
    numbered = replace(BUSY, numbered=True)
    off = Trace("17", lets_go=True, state_text="S15")
    found = follow(kept, [], numbered, VerdictKind.APPLY, traces=[off]).after(kept)
    assert [key for key, each in found.items() if each.closes] == ["18"]
    elsewhere = follow(kept, [], numbered, VerdictKind.APPLY, traces=[Trace("17", lets_go=True)]).after(kept)
    assert [key for key, each in elsewhere.items() if each.closes] == ["17 #2", "17 #3", "18"]
    assert follow(found, [], numbered, VerdictKind.APPLY, traces=[off]) == Changes(), "told twice"
    table = follow(kept, [], BUSY, VerdictKind.APPLY, traces=[off]).after(kept)
    assert [key for key, each in table.items() if each.closes] == ["17 #2", "17 #3", "18"], (
        "ids of a table end as they do"
    )


def test_closings_only_frees_nothing() -> None:
    kept = kept_of(row("17", "08:00"))
    off = [Trace("17", lets_go=True, state_text="S15")]
    assert follow(kept, [], BUSY, VerdictKind.CLOSINGS_ONLY, traces=off) == Changes()


def test_a_booking_of_ours_that_is_called_off_keeps_its_code() -> None:
    kept = {"17": replace(row("17", "08:00"), our_code="K7M2QX")}
    off = [Trace("17", lets_go=True, state_text="huỷ")]
    found = follow(kept, [], SNAPSHOT, VerdictKind.APPLY, traces=off).after(kept)["17"]
    assert (found.closes, found.our_code, found.state_text) == (False, "K7M2QX", "huỷ")
    listed = replace(SNAPSHOT, ours_listed=True)
    assert follow(kept, [], listed, VerdictKind.APPLY, traces=[Trace("17")]).after(kept) == kept, (
        "no clash: it is there"
    )


def test_traces_survive_being_kept_and_the_way_between_processes() -> None:
    traces = (Trace("17", "chau", WINDOW[0], lets_go=True, state_text="huỷ"), Trace(None, None, WINDOW[0]))
    content = Content("x", "BVVT", "1", "x.csv", bytes(32), 1, {})
    command = ApplyExport(content, (row("1", "08:00"),), Signs(), QUIET, SNAPSHOT, traces)
    assert unpack_command(pack_command(command)).traces == traces
    heard = wire.Listener(small())
    told = Skipped(3, SkipReason.NO_START, amiss=True, traces=(Trace("17", "an", None, state_text="x"),))
    assert heard.hear(wire.line_of(told)) == told


@pytest.mark.parametrize(
    "trace",
    [
        b'["17","chau",null,false,""]',
        b'["17","an","soon",false,""]',
        b'["17","an",null,1,""]',
        b'[17,"an",null,true,""]',
        b'["17","an",null,true]',
    ],
)
def test_no_trace_of_a_shape_that_no_reader_tells_is_believed(trace: bytes) -> None:
    with pytest.raises(wire.Garbled):
        wire.Listener(small()).hear(b'[2,3,"no_start",["",true],' + trace + b"]\n")
    good = b'["17","an",null,true,""]'
    with pytest.raises(wire.Garbled):
        wire.Listener(small()).hear(b'[2,3,"no_start",["",true],' + b",".join([good] * 5) + b"]\n")


def test_the_guard_asks_nothing_of_rows_that_are_called_off() -> None:
    feed = small(SNAP, more=COVERAGE)
    gone = [[str(number), "", "", "Dr An", "cancelled"] for number in range(100, 120)]
    report = read(feed, small_file(DAY, *OTHERS, *gone))[1]
    assert (report.signs.without_start, report.signs.let_go) == (0, 20)
    assert guard(None, report.signs).kind is VerdictKind.APPLY


def test_what_stood_there_before_is_not_the_row_that_is_missing_now() -> None:
    kept, nobody = kept_of(row(None, "08:00"), row(None, "09:00")), Trace(None, None, moment("08:00"))
    whole = [row(None, "08:00"), row(None, "09:00")]
    first = follow(kept, whole, SNAPSHOT, VerdictKind.APPLY, traces=[nobody])
    gone = follow(kept, whole[1:], SNAPSHOT, VerdictKind.APPLY, traces=[nobody], idle=first.idle)
    assert (len(gone.drop), gone.stay) == (1, frozenset()), "its time is free, nobody's row stood there all the time"
    two = follow(kept, whole[1:], SNAPSHOT, VerdictKind.APPLY, traces=[nobody, nobody], idle=first.idle)
    assert (len(two.drop), len(two.stay)) == (0, 1), "one more than before"
    again = follow(kept, whole[1:], SNAPSHOT, VerdictKind.APPLY, traces=[nobody, nobody], idle=two.idle)
    assert (again.stay, again.idle) == (two.stay, two.idle), "and so it stays, file after file"
    assert Signs.from_plain(json.loads(json.dumps(Signs(idle=two.idle).plain()))).idle == two.idle
