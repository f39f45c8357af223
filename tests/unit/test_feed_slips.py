"""The national insurance XML: table 14 joined with table 1, and nothing else of it kept."""

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from booking.exchange.errors import ExportUnreadable, FeedError
from booking.exchange.kinds import UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports import read_export, wire
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_any, parse_feed
from scheduler.exports.reader import Note
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.staging import Item
from tests.insurance import CANARY, FEED, PERSON, SLIP, Visit, insurance_file, visit

TODAY = date(2026, 11, 23)


def feed(more: str = "") -> SlipFeed:
    """The feed of the sample hospital."""
    found = parse_any(FEED + more)
    assert isinstance(found, SlipFeed)
    return found


def read(data: bytes, more: str = "") -> list[Item]:
    """What the reader says of a file."""
    return list(read_export(feed(more), io.BytesIO(data), today=TODAY))


def one(data: bytes, more: str = "") -> ReexamSlip:
    """The one slip of a file."""
    (found,) = read(data, more)
    assert isinstance(found, ReexamSlip)
    return found


def reason(data: bytes) -> tuple[UnreadableReason, Mapping[str, object]]:
    """Why a file cannot be read."""
    with pytest.raises(ExportUnreadable) as error:
        read(data)
    return error.value.reason, error.value.facts


@pytest.mark.parametrize("coded", [True, False])
def test_a_slip_is_joined_with_table_1_by_its_visit(*, coded: bool) -> None:
    assert one(insurance_file(Visit(), coded=coded)) == ReexamSlip(
        line=1, key="LK-0001", cancelled=False, name="NGUYỄN THỊ MẪU", birth_day=date(1990, 5, 17), birth_year=1990,
        citizen_ids=("077190000001",), bhyt_numbers=("GD4797912345678",), due=date(2026, 11, 30), service=None,
        made=datetime(2026, 11, 19, 17, tzinfo=UTC),
    )  # fmt: skip


def test_both_forms_and_all_encodings_say_the_same() -> None:
    files = [
        insurance_file(Visit(), coded=coded, encoding=outer, inner=inner)
        for coded in (True, False)
        for outer in ("utf-8", "utf-16")
        for inner in ("utf-8", "utf-16")
    ]
    assert len({one(data) for data in files}) == 1
    text = insurance_file(Visit(), coded=False).replace(b"<NOIDUNGFILE>", b"<NOIDUNGFILE><![CDATA[")
    assert one(text.replace(b"</NOIDUNGFILE>", b"]]></NOIDUNGFILE>")) == one(files[0])
    folded = (
        insurance_file(Visit()).replace(b"<HOSO>", b"\n  <HOSO>\n").replace(b"NOIDUNGFILE>P", b"NOIDUNGFILE>\r\n P")
    )
    assert one(folded) == one(files[0])


def test_nothing_of_diagnoses_and_other_tables_is_told() -> None:
    for coded in (True, False):
        data = insurance_file(visit(1), visit(2), Visit(slip=None), coded=coded)
        assert coded or CANARY.encode() in data
        told = read(data)
        assert len(told) == 2
        assert CANARY not in repr(told)
        assert CANARY.encode() not in b"".join(map(wire.line_of, told))
    named = visit(1, HO_TEN="Canary Mẫu")  # a name is told: what is looked for would be found
    assert "Canary" in repr(read(insurance_file(named)))


def test_a_table_that_is_not_ours_is_not_even_decoded() -> None:
    broken = Visit(others=[("XML6", "<A><B></A>"), ("XML3", "")])
    data = insurance_file(broken).replace(b"PEE+", b"!!!!")
    assert one(data).key == "LK-0001"


def test_what_the_feed_maps_and_does_not() -> None:
    departments = '\n[slips.departments]\nK03 = "kham-noi"\n"k19" = "kham-mat"\n'
    assert one(insurance_file(visit()), departments).service == "kham-noi"
    assert one(insurance_file(visit(MA_KHOA="K01;K19")), departments).service == "kham-mat"
    assert one(insurance_file(visit(MA_KHOA="K01")), departments).service is None
    assert one(insurance_file(visit(MA_KHOA="K01")), 'service = "tai-kham"' + departments).service == "tai-kham"


def test_a_slip_that_was_taken_back_says_so_in_the_hospitals_own_word() -> None:
    data = insurance_file(visit(slip={"DU_PHONG": " hủy "}))
    assert one(data, 'cancelled = "HỦY"').cancelled
    assert not one(data).cancelled


@pytest.mark.parametrize(
    ("born", "day", "year"),
    [
        ("195400000000", None, 1954),
        ("195405000000", None, 1954),
        ("1954", None, 1954),
        ("19540517", date(1954, 5, 17), 1954),
        ("195405170830", date(1954, 5, 17), 1954),
    ],
)
def test_a_birth_may_be_a_year(born: str, day: date | None, year: int) -> None:
    found = one(insurance_file(visit(NGAY_SINH=born)))
    assert (found.birth_day, found.birth_year) == (day, year)


@pytest.mark.parametrize(
    ("columns", "of_slip", "why"),
    [
        ({}, {"NGAY_HEN_KL": "20260231"}, "bad_due"),
        ({}, {"NGAY_HEN_KL": ""}, "bad_due"),
        ({}, {"NGAY_HEN_KL": "20661130"}, "bad_due"),
        ({}, {"NGAY_HEN_KL": "00010101"}, "bad_due"),
        ({"SO_CCCD": "0771\u00859000", "MA_THE_BHYT": "GD47\u202e79"}, {}, "no_paper_number"),
        ({"HO_TEN": "12345"}, {}, "bad_person"),
        ({"NGAY_SINH": "209005170000"}, {}, "bad_person"),
        ({"NGAY_SINH": "199013170000"}, {}, "bad_person"),
        ({"SO_CCCD": "123456789", "MA_THE_BHYT": ""}, {}, "no_paper_number"),
        ({}, {"HO_TEN": "Trần Văn Mẫu"}, "people_differ"),
        ({}, {"NGAY_SINH": "199005180000"}, "people_differ"),
        ({}, {"NGAY_SINH": "199100000000"}, "people_differ"),
        ({"MA_LK": ""}, {"MA_LK": "", "SO_GIAYHEN_KL": ""}, "no_slip_number"),
    ],
)
def test_a_slip_that_cannot_be_used_is_refused_with_its_reason(
    columns: dict[str, Any], of_slip: dict[str, str], why: str
) -> None:
    found = read(insurance_file(visit(slip=of_slip, **columns)))
    refused = [item for item in found if isinstance(item, Refused)]
    assert [item.reason.value for item in refused] == [why]
    assert not any(isinstance(item, ReexamSlip) for item in found)
    assert "Mẫu" not in repr(refused)


def test_a_file_of_an_impossible_day_is_of_no_day() -> None:
    for made in ("00010101", "99991231", "20261399", "", "20261120"):
        found = one(insurance_file(visit(), made=made))
        assert (found.made is not None) is (made == "20261120")


@pytest.mark.parametrize(
    "lie",
    [
        {"name": "x" * 500}, {"citizen_ids": ("0771\u0085",)}, {"due": date(1, 1, 2)}, {"service": "not-ours"},
        {"bhyt_numbers": ("1",) * 99}, {"made": datetime(1, 1, 2, tzinfo=UTC)}, {"birth_year": 1}, {"due": None},
    ],
)  # fmt: skip
def test_nothing_is_believed_that_no_reader_says(lie: dict[str, Any]) -> None:
    sound = one(insurance_file(visit()))
    assert wire.Listener(feed()).hear(wire.line_of(sound)) == sound, "the control"
    try:
        told = wire.line_of(replace(sound, **lie))
    except ExportUnreadable:
        return
    with pytest.raises(wire.Garbled):
        wire.Listener(feed()).hear(told)


def test_a_year_in_one_table_and_a_day_in_the_other_agree() -> None:
    assert one(insurance_file(visit(slip={"NGAY_SINH": "199000000000"}))).birth_day is None


def test_a_slip_without_its_table_1_counts_by_its_own_numbers() -> None:
    note, slip = read(insurance_file(Visit(person=None)))
    assert isinstance(note, Note)
    assert note.reason.value == "no_table_1"
    assert isinstance(slip, ReexamSlip)
    assert (slip.citizen_ids, slip.bhyt_numbers) == ((), ("GD4797912345678",))


def test_tables_that_stand_apart_are_joined_all_the_same() -> None:
    apart = insurance_file(Visit(slip=None), Visit(person=None))
    assert one(apart).citizen_ids == ("077190000001",)
    other_way = insurance_file(Visit(person=None), Visit(slip=None))
    assert one(other_way).line == 1


def test_a_visit_that_stands_twice_is_noted() -> None:
    found = read(insurance_file(visit(1), visit(1, slip={"NGAY_HEN_KL": "20261201"})))
    assert [item.reason.value for item in found if isinstance(item, Note)] == ["repeated_slip"]
    assert [item.due for item in found if isinstance(item, ReexamSlip)] == [date(2026, 11, 30), date(2026, 12, 1)]


@pytest.mark.parametrize(
    "data",
    [
        insurance_file(visit(MA_CSKCB="77002")),
        insurance_file(visit(), hospital="77002"),
        insurance_file(visit(slip={"MA_CSKCB": "77002"})),
        insurance_file(visit(1), visit(2, MA_CSKCB="77002")),
    ],
)
def test_another_hospitals_file_counts_for_nothing(data: bytes) -> None:
    why, facts = reason(data)
    assert why is UnreadableReason.OTHER_HOSPITAL
    assert (facts["found"], facts["expected"]) == ("77002", "77001")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", UnreadableReason.EMPTY),
        (b" \n", UnreadableReason.EMPTY),
        (b"a,b,c\n1,2,3\n", UnreadableReason.WRONG_FORMAT),
        (b"PK\x03\x04 rest", UnreadableReason.WRONG_FORMAT),
        (b'<?xml version="1.0"?><HSCHUNGTU/>', UnreadableReason.WRONG_FORMAT),
        (b"<GIAMDINHHS><HOSO></GIAMDINHHS>", UnreadableReason.DAMAGED),
        (b'<?xml version="1.0" encoding="x-y"?><GIAMDINHHS/>', UnreadableReason.DAMAGED),
        (b"<!DOCTYPE GIAMDINHHS><GIAMDINHHS/>", UnreadableReason.OWN_ENTITIES),
        (b"<GIAMDINHHS><FILEHOSO><NOIDUNGFILE/></FILEHOSO></GIAMDINHHS>", UnreadableReason.DAMAGED),
        (insurance_file(visit(), counted=2), UnreadableReason.NOT_ALL),
        (insurance_file(visit())[:-20], UnreadableReason.CUT_OFF),
        (insurance_file(visit(), coded=False).replace(b"<MA_LK>", b"<a>" * 40, 1), UnreadableReason.DAMAGED),
        (insurance_file(visit(HO_TEN="M" * 60_000), coded=False), UnreadableReason.FIELD_TOO_LONG),
        (insurance_file(visit(HO_TEN="M" * 60_000)), UnreadableReason.FIELD_TOO_LONG),
    ],
)
def test_a_file_that_is_none_says_why(data: bytes, why: UnreadableReason) -> None:
    assert reason(data)[0] is why


def test_a_table_in_base64_is_read_as_strictly_as_the_file_around_it() -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a><MA_LK>&b;</MA_LK></a>'
    head, tail = insurance_file(visit()).split(b"<LOAIHOSO>XML14</LOAIHOSO><NOIDUNGFILE>")
    rest = tail.partition(b"<")[2]

    def put(text: bytes) -> bytes:
        return head + b"<LOAIHOSO>XML14</LOAIHOSO><NOIDUNGFILE>" + text + b"<" + rest

    assert reason(put(base64.b64encode(evil)))[0] is UnreadableReason.OWN_ENTITIES
    assert reason(put(base64.b64encode(evil)[:-3]))[0] is UnreadableReason.OWN_ENTITIES
    sound = base64.b64encode(b"<a><MA_LK>LK-0001</MA_LK></a>")
    assert reason(put(sound[:-6]))[0] is UnreadableReason.CUT_OFF
    assert reason(put(sound[:-8]))[0] is UnreadableReason.CUT_OFF
    assert reason(put(sound + sound))[0] is UnreadableReason.DAMAGED
    assert reason(put(b"****"))[0] is UnreadableReason.DAMAGED
    assert reason(put(base64.b64encode(b"<a>") + b"<b/>"))[0] is UnreadableReason.DAMAGED


def test_a_feed_of_slips_says_what_is_wrong_with_it_by_its_keys() -> None:
    bad = FEED.replace('hospital = "77001"', 'hosptal = "77001"\ndays_after = 400\n[columns]\nstart = "x"')
    with pytest.raises(FeedError) as error:
        parse_any(bad)
    assert [line.split(":")[0] for line in error.value.problems] == [
        "slips.hospital", "slips.days_after", "slips.hosptal", "columns"
    ]  # fmt: skip
    assert "did you mean 'hospital'?" in error.value.problems[2]
    for old, new, said in (
        ('"77001"', '"7700"', "slips.hospital: '7700' is no code"),
        ('pattern = "*.xml"\n', "", "source.pattern: say which names"),
        ('"xml130"', '"xml13"', "source.format: 'xml13' is not known; did you mean 'xml130'?"),
        ('"77001"\n', '"77001"\n[slips.departments]\nK3 = "a"\nk3 = "b"\n', "slips.departments: 'k3' stands there"),
    ):
        with pytest.raises(FeedError) as error:
            parse_any(FEED.replace(old, new))
        assert any(line.startswith(said) for line in error.value.problems), error.value.problems


def test_a_calendars_feed_is_no_feed_of_slips() -> None:
    with pytest.raises(FeedError) as error:
        parse_feed(FEED)
    assert any(line.startswith("columns: is missing") for line in error.value.problems)
    assert not isinstance(feed(), Feed)
    assert set(SLIP) > {"CHAN_DOAN_RV"} < set(PERSON)
