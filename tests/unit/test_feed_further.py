"""Somebody else who examines in a visit: on a line below it, or in one cell with her. Her time is taken too."""

import pytest

from booking.exchange.errors import FeedError
from booking.exchange.following import follow
from booking.exchange.kinds import SkipReason, VerdictKind
from booking.exchange.rules import StagedRow
from scheduler.exports.checking import within
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from tests.exports import read
from tests.unit.test_exchange_standing import terms_of

IDS = 'id = "ID"\nstate = "State"\nend = "End"\n'


def feed_of(
    columns: str = IDS, *, meaning: str = "busy_list", more: str = "", states: str = 'releases = "off"'
) -> Feed:
    coverage = "[coverage]\ndays_behind = 7\ndays_ahead = 30\n" if meaning in ("full_snapshot", "free_list") else ""
    told = f"[states]\n{states}\n" if "state" in columns else ""
    return parse_feed(
        f'code = "x"\nfacility = "BVVT"\n[source]\nformat = "csv"\n{more}\n[columns]\nstart = "Start"\n{columns}\n'
        f'[columns.resource]\ndoctor = "Doctor"\n[times]\nformats = "%d/%m/%Y %H:%M"\nzone = "UTC"\n{told}'
        f'[absence]\nmeaning = "{meaning}"\n{coverage}'
        + "".join(f'[resources.{code}]\nkeys = "{key}"\nslot_minutes = 15\n' for key, code in WHO)
    )


WHO = (("1", "an"), ("2", "binh"), ("3", "chi"))
HEADER = "ID,Start,End,State,Doctor"
FIRST = "A1,24/11/2026 08:00,24/11/2026 08:30,booked,1"
SECOND = ",,,,2"


def text(*lines: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def taken(feed: Feed, *files: bytes, verdict: VerdictKind = VerdictKind.APPLY) -> list[str]:
    """Who is taken when, after files that come one after the other."""
    kept: dict[str, StagedRow] = {}
    for data in files:
        rows, report = read(feed, data)
        rows = within(feed, rows, report.window)
        kept = follow(kept, rows, terms_of(feed), verdict, traces=report.traces).after(kept)
    return sorted(f"{key} {row.resource} {row.starts_at:%H:%M}" for key, row in kept.items() if row.closes)


def test_a_further_line_takes_the_time_of_the_row_above_for_its_doctor() -> None:
    rows, report = read(feed_of(), text(FIRST, SECOND, ",,,,3", ",,,,1", ",,,,", "B1,24/11/2026 09:00,,booked,1"))
    assert [(row.row_key, row.resource) for row in rows] == [
        ("A1", "an"), ("A1 #2", "binh"), ("A1 #3", "chi"), ("B1", "an"),
    ]  # fmt: skip
    assert {(row.starts_at, row.ends_at, row.state_text) for row in rows[:3]} == {
        (rows[0].starts_at, rows[0].ends_at, "booked")
    }
    # Whoever was named already, and a line that names nobody, say nothing new.
    assert report.skipped == {SkipReason.CONTINUATION.value: 1, SkipReason.BLANK.value: 1}
    assert report.signs.rows == 4


@pytest.mark.parametrize("meaning", ["busy_list", "change_feed", "full_snapshot"])
def test_it_moves_is_called_off_and_goes_with_its_row(meaning: str) -> None:
    feed, both = feed_of(meaning=meaning), text(FIRST, SECOND)
    moved = "A1,24/11/2026 09:00,,booked,1"
    assert taken(feed, both) == ["A1 #2 binh 08:00", "A1 an 08:00"]
    assert taken(feed, both, text(moved, SECOND)) == ["A1 #2 binh 09:00", "A1 an 09:00"]
    assert taken(feed, both, text(moved)) == ["A1 an 09:00"]
    assert taken(feed, both, text(FIRST.replace("booked", "off"), SECOND)) == []
    assert taken(feed, both, text(FIRST.replace("booked", "off"))) == []
    assert taken(feed, both, text(FIRST, ",,,,3")) == ["A1 #2 chi 08:00", "A1 an 08:00"]


def test_it_stays_while_its_row_or_its_doctor_cannot_be_read() -> None:
    feed, both = feed_of(meaning="full_snapshot"), text(FIRST, SECOND)
    assert taken(feed, both, text("A1,soon,,booked,1", SECOND)) == ["A1 #2 binh 08:00", "A1 an 08:00"]
    assert taken(feed, both, text(FIRST, ",,,,9")) == ["A1 #2 binh 08:00", "A1 an 08:00"]


def test_a_doctor_nobody_knows_is_counted_and_one_without_a_row_above_too() -> None:
    _, report = read(feed_of(), text(FIRST, ",,,,9"))
    assert (report.unmapped, report.signs.unmapped) == ({"9": 1}, 1)
    rows, report = read(feed_of(), text("A1,24/11/2026 08:00,,booked,9", SECOND))
    assert [(row.row_key, row.resource) for row in rows] == [("A1 #2", "binh")]
    rows, report = read(feed_of(), text(SECOND, "torn,row", SECOND, FIRST))
    assert ([row.resource for row in rows], report.signs.without_start) == (["an"], 2)


def test_without_ids_only_a_line_directly_below_that_says_nothing_else() -> None:
    feed, header = feed_of('state = "State"\n'), "Start,State,Doctor"
    rows, report = read(feed, text("24/11/2026 08:00,booked,1", ",,2", header=header))
    assert [(row.row_key, row.resource, f"{row.starts_at:%H:%M}") for row in rows] == [
        (None, "an", "08:00"), (None, "binh", "08:00"),
    ]  # fmt: skip
    for between in ((",,", ",,2"), (",booked,2",)):
        rows, report = read(feed, text("24/11/2026 08:00,booked,1", *between, header=header))
        assert ([row.resource for row in rows], report.skipped["no_start"]) == (["an"], 1)


def test_it_offers_nothing_and_a_page_that_ends_parts_no_visit() -> None:
    free = feed_of(meaning="free_list", states='free = "free"')
    rows, _ = read(free, text(FIRST.replace("booked", "free"), SECOND))
    assert [row.resource for row in rows] == ["an"]
    rows, _ = read(feed_of(), text(FIRST, HEADER, SECOND))
    assert [row.resource for row in rows] == ["an", "binh"]


def test_a_hospitals_own_id_that_ends_like_ours_is_told_apart() -> None:
    feed = feed_of()
    other = "A1 #2,24/11/2026 10:00,,booked,3"
    assert taken(feed, text(FIRST, other), text(FIRST)) == ["A1 #2# chi 10:00", "A1 an 08:00"]


@pytest.mark.parametrize("cell", ["1; 2", "1;2;", "2;1;2"])
def test_several_doctors_in_one_cell_are_parted_by_the_feeds_sign(cell: str) -> None:
    row = FIRST[:-1] + cell
    rows, report = read(feed_of(), text(row))
    assert (rows, report.signs.unmapped) == ([], 1)
    rows, report = read(feed_of(more='[resource_key]\nseparator = ";"'), text(row, ",,,,3"))
    assert sorted(one.resource for one in rows) == ["an", "binh", "chi"]
    assert report.signs.unmapped == 0
    rows, report = read(feed_of(more='[resource_key]\nseparator = ";"'), text(FIRST[:-1] + "9;2"))
    assert ([one.resource for one in rows], report.unmapped) == (["binh"], {"9": 1})


def test_a_separator_is_of_tables_and_a_whole_key_stays_one() -> None:
    feed = feed_of(more='[resource_key]\nseparator = "1"')
    rows, _ = read(feed, text(FIRST))
    assert [row.resource for row in rows] == ["an"]
    with pytest.raises(FeedError, match=r"resource_key.separator: parts cells of tables only"):
        parse_feed(
            'code = "x"\nfacility = "B"\n[source]\nformat = "hl7"\n[columns]\nstart = "SCH-11.4"\n[columns.resource]\n'
            'd = "AIP-3"\n[resource_key]\nseparator = ";"\n[times]\nformats = "%Y%m%d%H%M"\nzone = "UTC"\n[absence]\n'
            'meaning = "change_feed"\n[resources.an]\nkeys = "1"\nslot_minutes = 15\n'
        )


def test_the_word_of_null_is_an_empty_cell_in_every_column() -> None:
    words = text("A1,24/11/2026 08:00,\\N,booked,\\N", "A2,24/11/2026 09:00,\\N,\\N,1", "\\N,\\N,\\N,\\N,2")
    _, report = read(feed_of(), words)
    assert (report.unmapped, report.notes) == ({"\\N": 1}, {"bad_end": 1})
    rows, report = read(feed_of(more="[csv]\nnull = '\\N'"), words)
    assert [(row.row_key, row.ends_at, row.state_text) for row in rows] == [("A2", None, ""), ("A2 #2", None, "")]
    assert (report.unmapped, report.notes, report.skipped) == ({}, {}, {"no_resource": 1})


@pytest.mark.parametrize("extra", [[], ["%d/%m/%Y"], ["%d/%m/%Y %H:%M"]])
def test_an_end_that_is_a_time_of_day_beside_a_date_and_a_12_hour_time(extra: list[str]) -> None:
    formats = ["%d/%m/%Y %I:%M %p", "%H:%M", *extra]
    feed = parse_feed(
        'code = "x"\nfacility = "BVVT"\n[source]\nformat = "csv"\n[columns]\nstart_date = "Day"\nstart_time = "From"\n'
        'end_time = "To"\n[columns.resource]\ndoctor = "Doctor"\n[times]\nzone = "UTC"\n'
        f'formats = {formats}\n[absence]\nmeaning = "busy_list"\n[resources.an]\nkeys = "1"\nslot_minutes = 15\n'
    )
    lines = ("24/11/2026,01:30 PM,14:15,1", "24/11/2026,11:30 PM,24:00,1", "24/11/2026,09:00 PM,00:00,1")
    rows, report = read(feed, text(*lines, header="Day,From,To,Doctor"))
    assert [f"{row.starts_at:%d %H:%M}-{row.ends_at:%d %H:%M}" for row in rows] == [
        "24 13:30-24 14:15", "24 23:30-25 00:00", "24 21:00-25 00:00",
    ]  # fmt: skip
    assert report.notes == {}


TWO = (FIRST, "A1,24/11/2026 08:00,,booked,2")


@pytest.mark.parametrize("meaning", ["busy_list", "full_snapshot"])
def test_of_two_rows_under_one_id_the_one_that_is_gone_is_let_go(meaning: str) -> None:
    feed = feed_of(meaning=meaning)
    assert taken(feed, text(*TWO)) == ["A1 an 08:00", "A1#2 binh 08:00"]
    assert taken(feed, text(*TWO), text(TWO[1])) == ["A1 binh 08:00"]
    assert taken(feed, text(*TWO), text(FIRST.replace("booked", "off"))) == []
    assert taken(feed, text(*TWO, FIRST[:-1] + "3"), text(FIRST)) == ["A1 an 08:00"]
    # No row of it at all says, in a list of busy times, nothing.
    other = "B1,24/11/2026 10:00,,booked,3"
    left = ["A1 an 08:00", "A1#2 binh 08:00"] if meaning == "busy_list" else []
    assert taken(feed, text(*TWO), text(other)) == sorted([*left, "B1 chi 10:00"])


def test_it_stays_of_a_list_of_changes_of_a_file_that_may_only_close_and_where_the_rule_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both, one = ["A1 an 08:00", "A1#2 binh 08:00"], text(FIRST)
    assert taken(feed_of(meaning="change_feed"), text(*TWO), one) == both
    assert taken(feed_of(), text(*TWO), one, verdict=VerdictKind.CLOSINGS_ONLY) == both
    monkeypatch.setattr("booking.exchange.following._fewer_under_one_id", lambda *_: set())
    assert taken(feed_of(), text(*TWO), one) == both


@pytest.mark.parametrize(
    "row",
    ["A1,soon,,booked,2", "A1,24/11/2026 08:00,,booked,9", "A1,24/11/2026 08:00,,booked,", "A1,24/11/2026 08:00,2"],
    ids=["refused", "unmapped", "no doctor", "torn"],
)
def test_it_stays_while_a_row_of_its_id_cannot_be_used(row: str) -> None:
    assert taken(feed_of(), text(*TWO), text(FIRST, row)) == ["A1 an 08:00", "A1#2 binh 08:00"]
    off = FIRST.replace("booked", "off")
    assert taken(feed_of(), text(off, TWO[1]), text(off, row)) == ["A1#2 binh 08:00"]


def test_it_stays_while_a_row_of_its_id_lies_outside_the_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = feed_of(columns=f"{IDS}\n", more="[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-11-30")
    far = "A1,24/11/2062 08:00,,booked,2"
    assert taken(feed, text(*TWO), text(FIRST, far)) == ["A1 an 08:00", "A1#2 binh 08:00"]
    assert taken(feed, text(*TWO), text(FIRST)) == ["A1 an 08:00"]
    monkeypatch.setattr("scheduler.exports.checking._elsewhere", lambda *_: [])
    assert taken(feed, text(*TWO), text(FIRST, far)) == ["A1 an 08:00"]


def test_a_hospitals_own_id_that_ends_like_a_second_row_is_no_second_row() -> None:
    other = "A1#2,24/11/2026 10:00,,booked,3"
    assert taken(feed_of(), text(FIRST, other), text(FIRST)) == ["A1 an 08:00", "A1#2# chi 10:00"]
    assert taken(feed_of(), text(FIRST, other), text(FIRST, "A1#2,torn")) == ["A1 an 08:00", "A1#2# chi 10:00"]
