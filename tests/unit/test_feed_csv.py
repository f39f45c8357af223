"""Broken files are refused whole with their reason; broken rows are refused with their line."""

import codecs
from contextlib import nullcontext
from dataclasses import replace

import pytest

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import NoteReason, RefusalReason, SkipReason, UnreadableReason
from scheduler.exports import wire
from scheduler.exports.checking import unreadable_json
from scheduler.exports.feed import Feed
from scheduler.exports.reader import Note
from tests.exports import HEADER, SMALL, read, small, small_file, written

ROW = ("1", "2026-11-23 07:30", "2026-11-23 08:00", "Dr An", "busy")
GOOD = small_file(ROW)


def csv_feed(**settings: object) -> Feed:
    lines = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    return small(more=f"\n[csv]\n{lines}\n")


def unreadable(feed: Feed, data: bytes) -> ExportUnreadable:
    with pytest.raises(ExportUnreadable) as caught:
        read(feed, data)
    # Whatever the reason, it can be told in words.
    assert unreadable_json(feed, caught.value)["unreadable"]
    return caught.value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY),
        (b"\r\n\r\n", UnreadableReason.EMPTY),
        (codecs.BOM_UTF8, UnreadableReason.EMPTY),
        (GOOD[:-2], UnreadableReason.TRUNCATED),
        (GOOD + b'2,"2026', UnreadableReason.TRUNCATED),
        (GOOD + b'2,"2026\r\n', UnreadableReason.UNCLOSED_QUOTE),
        (GOOD + b'2,"2026"x,\r\n', UnreadableReason.BROKEN_QUOTES),
        (GOOD + b"2,\0,,,\r\n", UnreadableReason.NUL_BYTE),
        (GOOD + b"2,\xff,,,\r\n", UnreadableReason.NOT_DECODABLE),
        (GOOD + b"2,\xe1\xba", UnreadableReason.TRUNCATED),
        (codecs.BOM_UTF16_LE + GOOD.decode().encode("utf-16-le"), UnreadableReason.NOT_DECODABLE),
        (GOOD.decode().encode("utf-16-le"), UnreadableReason.NUL_BYTE),
        (GOOD.replace(b",", b";"), UnreadableReason.WRONG_DELIMITER),
        (GOOD.replace(b",", b"\t"), UnreadableReason.WRONG_DELIMITER),
        (GOOD.split(b"\r\n", 1)[1], UnreadableReason.NO_HEADER),
        (GOOD.replace(b"State", b"Sate"), UnreadableReason.MISSING_COLUMN),
        (GOOD.replace(b"State", b"End"), UnreadableReason.AMBIGUOUS_COLUMN),
        (GOOD + b"x" * 300_000, UnreadableReason.LINE_TOO_LONG),
        (GOOD + b'"' + b"xxxxxxxxx\n" * 6_000 + b'"\n', UnreadableReason.FIELD_TOO_LONG),
        (GOOD + b'"' + b"xxxxxxxxx\n" * 20_000 + b'"\n', UnreadableReason.FIELD_TOO_LONG),
    ],
)
def test_a_broken_file_has_its_reason(data: bytes, reason: UnreadableReason) -> None:
    assert unreadable(small(), data).reason is reason


def test_limits_are_the_feeds() -> None:
    rows = GOOD + GOOD.split(b"\r\n", 1)[1] * 20
    feed = small(more="\n[limits]\nrows = 20\n")
    assert unreadable(feed, rows).reason is UnreadableReason.TOO_MANY_ROWS
    assert len(read(small(more="\n[limits]\nrows = 21\n"), rows)[0]) == 21
    large = small(more="\n[limits]\nmegabytes = 1\n")
    assert unreadable(large, GOOD + b"\n" * 1_100_000).reason is UnreadableReason.TOO_LARGE


def test_utf_16_needs_its_mark_or_its_order() -> None:
    bare = GOOD.decode().encode("utf-16-le")
    assert unreadable(csv_feed(encoding="utf-16"), bare).reason is UnreadableReason.NO_BYTE_ORDER_MARK
    assert len(read(csv_feed(encoding="utf-16-le"), bare)[0]) == 1
    assert len(read(csv_feed(encoding="UTF_16"), codecs.BOM_UTF16_BE + GOOD.decode().encode("utf-16-be"))[0]) == 1
    assert unreadable(csv_feed(encoding="utf-16-le"), bare[:-1]).reason is UnreadableReason.TRUNCATED
    told = unreadable(csv_feed(encoding="utf-16"), codecs.BOM_UTF8 + GOOD)
    assert told.facts["looks_like"] == "utf-8-sig"


def test_a_missing_column_names_the_header_and_what_is_near() -> None:
    error = unreadable(small(), GOOD.replace(b"State", b"Statte"))
    assert error.facts["missing"] == {"state": ["State"]}
    assert error.facts["nearest"] == {"state": "Statte"}
    assert error.facts["header"] == ["ID", "Start", "End", "Doctor", "Statte"]


def test_a_file_without_header_does_not_show_a_patient() -> None:
    data = written([("Nguyễn Thị Mẫu", "0912345678", "x", "y", "z")])
    told = unreadable_json(small(), unreadable(small(), data))
    assert "Mẫu" not in str(told)
    assert "0912345678" not in str(told)


def test_the_first_name_of_the_list_that_is_there_counts() -> None:
    feed = small(('state = "State"', 'state = ["Raw state", "State"]'))
    header = (*HEADER, "raw  STATE")
    assert [row.closes for row in read(feed, small_file((*ROW, "free"), header=header))[0]] == [False]
    assert [row.closes for row in read(feed, GOOD)[0]] == [True]


def test_cells_hold_anything() -> None:
    wild = ('a "quoted"\r\nnote; with\ttabs,\n=1+1', *ROW)
    feed = small()
    rows, report = read(feed, small_file(wild, wild, header=("Note", *HEADER)))
    assert [row.line for row in rows] == [2, 5]
    assert report.notes == {NoteReason.DUPLICATE_KEY: 1}
    assert "=1+1" not in str(report)


def test_decomposed_letters_cases_and_spaces_are_the_same_words() -> None:
    feed = small(("Dr An", "Bác sĩ Ấn"), ('"cancelled"', '"Bị hủy"'), ('"Start"', '"Bắt đầu"'))
    header = ("ID", "BĂ\u0301T  ĐÂ\u0300U", "End", "Doctor", "State")
    row = ("1", " 2026-11-23\u00a007:30 ", "", "bác  sĩ A\u0302\u0301n ", "BI\u0323 HU\u0309Y")
    rows, report = read(feed, small_file(row, header=header))
    assert [(row.resource, row.closes) for row in rows] == [("an", False)]
    assert report.unknown_states == {}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_line_end_will_do(end: str) -> None:
    assert len(read(small(), written([HEADER, ROW, ROW], end=end))[0]) == 2


def test_a_program_that_never_ends_its_last_line_says_so() -> None:
    assert len(read(csv_feed(last_line_end="optional"), GOOD[:-2])[0]) == 1


def test_a_title_above_the_header_is_passed_over() -> None:
    assert len(read(csv_feed(skip_lines=2), b'Danh s\xc3\xa1ch "h\r\n\r\n' + GOOD)[0]) == 1


def test_a_file_without_quotes_and_one_with_its_own() -> None:
    assert len(read(csv_feed(quote=""), GOOD.replace(b"busy", b'"bu"sy'))[0]) == 1
    rows = [HEADER, ("1,'1'", *ROW[1:])]
    assert read(csv_feed(quote="'"), written(rows, quote="'"))[0][0].row_key == "1,'1'"


def test_rows_that_cannot_be_used_are_told_by_line_and_close_nothing() -> None:
    rows, report = read(
        small(),
        small_file(
            ("1", "2026-11-23 07:30", "", "Dr An"),
            (*ROW, "surplus"),
            (*ROW, " "),
            ("3", "31/12/2026", "", "Dr An", "busy"),
            ("", "2026-11-23 07:30", "", "Dr An", "busy"),
            ("", "", "", "", "busy"),
            ("4", "", "", "Dr An", "busy"),
            ("5", "2026-11-23 07:30", "", "", "busy"),
            ("6", "2026-11-23 07:30", "", "Dr Who", "busy"),
            ("", "", "", "", ""),
        ),
    )
    assert [row.row_key for row in rows] == ["1"]
    assert [(row.line, row.reason) for row in report.refused_rows] == [
        (2, RefusalReason.WRONG_WIDTH),
        (3, RefusalReason.WRONG_WIDTH),
        (5, RefusalReason.BAD_START),
        (6, RefusalReason.NO_ROW_KEY),
    ]
    assert report.refused_rows[2].facts == {"start": "31/12/2026"}
    assert report.skipped == {
        SkipReason.CONTINUATION: 1,
        SkipReason.NO_START: 1,
        SkipReason.NO_RESOURCE: 1,
        SkipReason.UNMAPPED_RESOURCE: 1,
        SkipReason.BLANK: 1,
    }
    assert report.unmapped == {"Dr Who": 1}
    assert report.signs.rows == 8


def test_a_bad_end_never_makes_a_row_harmless() -> None:
    rows, report = read(
        small(),
        small_file(
            ("1", "2026-11-23 07:30", "soon", "Dr An", "busy"),
            ("2", "2026-11-23 07:30", "2026-11-23 07:30", "Dr An", "busy"),
            ("3", "2026-11-23 07:30", "2026-11-25 07:30", "Dr An", "busy"),
        ),
    )
    assert [row.closes for row in rows] == [True] * 3
    assert [row.ends_at is None for row in rows] == [True, True, False]
    assert report.noted_rows == (
        Note(2, NoteReason.BAD_END, {"end": "soon"}),
        Note(3, NoteReason.END_NOT_AFTER_START, {"end": "2026-11-23 07:30"}),
        Note(4, NoteReason.LONG_ROW, {"hours": 48}),
    )
    assert report.assumed_ends == 2


def test_unknown_and_empty_states_close_and_are_told() -> None:
    states = ("busy", "Free ", "cancelled", "teleported", "")
    rows, report = read(small(), small_file(*((*ROW[:-1], state) for state in states)))
    assert [row.closes for row in rows] == [True, False, False, True, True]
    assert [row.offers for row in rows] == [False, True, False, False, False]
    assert report.unknown_states == {"teleported": 1, "": 1}


def test_our_own_code_comes_back() -> None:
    feed = small(('id = "ID"', 'id = "ID"\ncode = "Ref"'))
    rows, _ = read(feed, small_file((*ROW, " VT7K-3q2h "), (*ROW, ""), header=(*HEADER, "Ref")))
    assert [row.our_code for row in rows] == ["VT7K3Q2H", None]  # however it was written down


def test_what_has_no_codes_shape_stays_behind_whoever_wrote_it() -> None:
    feed = small(('id = "ID"', 'id = "ID"\ncode = "Ref"'))
    texts = ["BN Trần Thị Mẫu", "0903 000 001", "đau ngực", "VT7K3Q2", "VT7K3Q2HH", "VT7K3Q2O", "x" * 600]
    rows, _ = read(feed, small_file(*((*ROW, text) for text in texts), header=(*HEADER, "Ref")))
    assert [row.our_code for row in rows] == [None] * len(texts)
    for text, sound in (("VT7K3Q2H", True), ("TRANTHIMAU", False)):  # nor is a reader believed that says otherwise
        line = wire.line_of(replace(rows[0], our_code=text))
        with nullcontext() if sound else pytest.raises(wire.Garbled):
            wire.Listener(feed).hear(line)


def test_the_sample_feed_of_these_tests_is_what_it_says() -> None:
    assert SMALL.count("[csv]") == 0
    assert len(read(small(), GOOD)[0]) == 1


def test_a_delimiter_at_the_end_of_the_header_is_no_column() -> None:
    assert len(read(small(), GOOD.replace(b"State", b"State,"))[0]) == 1
