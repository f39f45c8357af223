"""Others whom a row names beside its doctor, in further columns or on lines of one cell: their time is taken too."""

import pytest

from booking.exchange.errors import FeedError
from booking.exchange.kinds import NoteReason
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from tests.exports import read
from tests.unit.test_feed_further import taken

HEADER = "ID,Start,State,Code,Doctor,Helper,Room\n"
BOTH = "A1,24/11/2026 08:00,booked,,1,2,3\n"
KEY = '[resource_key]\nalso = ["helper", "room"]\n'


def feed_of(key: str = KEY, *, meaning: str = "full_snapshot", states: str = 'releases = "off"') -> Feed:
    return parse_feed(
        'code = "x"\nfacility = "BVVT"\n[source]\nformat = "csv"\n[columns]\nid = "ID"\nstart = "Start"\n'
        'state = "State"\ncode = "Code"\n[columns.resource]\ndoctor = "Doctor"\nhelper = "Helper"\nroom = "Room"\n'
        f'{key}[times]\nformats = "%d/%m/%Y %H:%M"\nzone = "UTC"\n[states]\n{states}\n'
        f'[absence]\nmeaning = "{meaning}"\n[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-11-30\n'
        + "".join(
            f'[resources.{code}]\nkeys = "{key}"\nslot_minutes = 15\n'
            for key, code in (("1", "an"), ("2", "binh"), ("3", "p3"), ("4", "p4"))
        )
    )


def told(*lines: str) -> bytes:
    return (HEADER + "".join(lines)).encode()


def test_a_row_takes_its_time_in_each_of_its_columns_and_without_the_key_in_none() -> None:
    rows, report = read(feed_of(), told(BOTH))
    assert [(row.row_key, row.resource) for row in rows] == [("A1", "an"), ("A1 #2", "binh"), ("A1 #3", "p3")]
    assert (report.unmapped, report.skipped, report.notes) == ({}, {}, {})
    rows, report = read(feed_of(""), told(BOTH))
    assert (rows, report.unmapped) == ([], {"1 | 2 | 3": 1})
    assert [row.resource for row in read(feed_of('[resource_key]\ncolumns = ["doctor"]\n'), told(BOTH))[0]] == ["an"]


def test_an_empty_cell_is_nobody_and_the_others_keep_their_numbers() -> None:
    rows, report = read(feed_of(), told(BOTH.replace(",2,", ",,"), BOTH.replace("A1", "A2").replace(",1,2,", ",,,")))
    assert [(row.row_key, row.resource) for row in rows] == [("A1", "an"), ("A1 #3", "p3"), ("A2 #3", "p3")]
    assert report.skipped == {"no_resource": 1}
    rows, report = read(feed_of(), told(BOTH.replace(",2,3", ",9,1")))
    assert ([row.row_key for row in rows], report.unmapped) == (["A1"], {"9": 1})


@pytest.mark.parametrize("meaning", ["busy_list", "change_feed", "full_snapshot"])
def test_they_move_are_called_off_and_go_with_their_row(meaning: str) -> None:
    feed = feed_of(meaning=meaning)
    all_three = ["A1 #2 binh 08:00", "A1 #3 p3 08:00", "A1 an 08:00"]
    assert taken(feed, told(BOTH)) == all_three
    assert taken(feed, told(BOTH), told(BOTH.replace("08:00", "09:00").replace(",3\n", ",4\n"))) == [
        "A1 #2 binh 09:00", "A1 #3 p4 09:00", "A1 an 09:00",
    ]  # fmt: skip
    assert taken(feed, told(BOTH), told(BOTH.replace(",3\n", ",\n"))) == ["A1 #2 binh 08:00", "A1 an 08:00"]
    assert taken(feed, told(BOTH), told(BOTH.replace("booked", "off"))) == []
    for unusable in (BOTH.replace("24/11/2026", "soon"), BOTH.replace(",2,", ",2,,")):
        assert taken(feed, told(BOTH), told(unusable)) == all_three
    assert taken(feed, told(BOTH), told(BOTH.replace(",3\n", ",9\n"))) == all_three


def test_our_code_is_of_all_of_them_and_a_free_row_offers_them_all() -> None:
    rows, _ = read(feed_of(), told(BOTH.replace(",,1", ",K7M2QXAB,1")))
    assert len({row.our_code for row in rows}) == 1
    rows, _ = read(feed_of(meaning="free_list", states='free = "booked"'), told(BOTH))
    assert [(row.resource, row.offers) for row in rows] == [("an", True), ("binh", True), ("p3", True)]


def test_further_lines_and_parts_of_cells_come_behind_the_columns() -> None:
    key = f'{KEY}separator = "line"\n'
    rows, report = read(feed_of(key), told('A1,24/11/2026 08:00,booked,,"1\n2",,"3 \r\n\n4"\n'))
    assert [(row.row_key, row.resource) for row in rows] == [
        ("A1", "an"), ("A1 #3", "p3"), ("A1 #4", "binh"), ("A1 #5", "p4"),
    ]  # fmt: skip
    assert report.unmapped == {}
    rows, report = read(feed_of(), told(BOTH.replace(",2,3", ",,"), ",,,,,,4\n", ",,,,2,,\n"))
    assert [(row.row_key, row.resource) for row in rows] == [("A1", "an"), ("A1 #4", "p4"), ("A1 #5", "binh")]
    assert NoteReason.DUPLICATE_KEY.value not in report.notes


def test_a_line_break_parts_only_where_the_feed_says_so_and_a_whole_key_stays_one() -> None:
    two = told('A1,24/11/2026 08:00,booked,,"1\n2",,\n')
    assert (read(feed_of(), two)[0], read(feed_of(), two)[1].unmapped) == ([], {"1 2": 1})
    whole = feed_of(f'{KEY}separator = "line"\nignore = "1 2"\n')
    assert (read(whole, two)[0], read(whole, two)[1].skipped) == ([], {"ignored_resource": 1})


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ('also = ["rom"]', "resource_key.also: 'rom' is not known; did you mean 'room'"),
        ('columns = ["room"]\nalso = ["room"]', "resource_key.also: room names one who is named already"),
        ('also = ["doctor", "helper", "room"]', "resource_key.also: leaves no column"),
    ],
)
def test_what_it_says_wrongly_is_told_with_its_key(key: str, problem: str) -> None:
    with pytest.raises(FeedError, match=problem.replace("?", r"\?")):
        feed_of(f"[resource_key]\n{key}\n")


def test_in_a_page_a_line_ends_where_it_says_so_and_not_where_its_text_is_broken() -> None:
    feed = parse_feed(
        'code = "x"\nfacility = "BVVT"\n[source]\nformat = "html"\n[columns]\nstart = "Start"\n[columns.resource]\n'
        'doctor = "Doctor"\n[resource_key]\nseparator = "line"\n[times]\nformats = "iso"\nzone = "UTC"\n[absence]\n'
        'meaning = "busy_list"\n[resources.an]\nkeys = "Dr An"\nslot_minutes = 15\n[resources.binh]\nkeys = "Dr Binh"\n'
        "slot_minutes = 15\n"
    )
    page = "<table><tr><td>Start<td>Doctor<tr><td>2026-11-24T08:00<td>Dr\n An<br>Dr\r\nBinh</table>"
    rows, report = read(feed, page.encode())
    assert ([row.resource for row in rows], report.unmapped) == (["an", "binh"], {})
