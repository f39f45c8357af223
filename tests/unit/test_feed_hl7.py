"""HL7 messages of a schedule: places, events, envelopes, line ends; what is cut is not read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.exchange.errors import ExportUnreadable, FeedError
from booking.exchange.kinds import RefusalReason, SkipReason, UnreadableReason
from booking.exchange.rules import StagedRow
from scheduler.exports.checking import unreadable_json
from scheduler.exports.feed_file import load_feed, parse_feed
from scheduler.exports.hl7_message import BrokenMessageError, message_of
from tests.exports import FEEDS, ROOT, read

TEXT = (FEEDS / "hl7-siu.toml").read_text()
FEED = load_feed(FEEDS / "hl7-siu.toml")
SAMPLE = (ROOT / "tests" / "data" / "feeds" / "siu.hl7").read_bytes()
MSH = "MSH|^~\\&|HIS|BV|HK|VT|20261122||SIU^S12^SIU_S12|1|P|2.5"


def message(event: str, visit: str, start: str = "", doctor: str = "BS01", *more: str) -> str:
    lines = [f"MSH|^~\\&|HIS|BV|HK|VT|20261122||SIU^{event}^SIU_S12|1|P|2.5", f"SCH||{visit}^HIS"]
    if start:
        lines += [f"AIS|1||KHAM|20261123{start}", f"AIP|1||{doctor}"]
    return "\r".join([*lines, *more]) + "\r"


def rows_of(*messages: str) -> list[StagedRow]:
    return read(FEED, "".join(messages).encode())[0]


def plain(rows: list[StagedRow]) -> list[tuple[object, ...]]:
    return [(row.row_key, f"{row.starts_at:%H:%M}", row.resource, row.state_text, row.closes) for row in rows]


def unreadable(data: bytes) -> UnreadableReason:
    with pytest.raises(ExportUnreadable) as caught:
        read(FEED, data)
    assert unreadable_json(FEED, caught.value)["unreadable"]
    return caught.value.reason


def test_the_last_message_about_a_visit_is_the_one_that_counts() -> None:
    rows = rows_of(
        message("S12", "1", "0730"), message("S12", "2", "0800"), message("S13", "1", "0900"),
        message("S15", "2"), message("S14", "3", "1000"), message("S17", "3"), message("S26", "4", "1030", "BS02"),
        message("S99", "5", "1100"),
    )  # fmt: skip
    assert plain(rows) == [
        ("1", "02:00", "an", "S13", True), ("2", "01:00", "an", "S15", False), ("3", "03:00", "an", "S17", False),
        ("4", "03:30", "binh", "S26", True), ("5", "04:00", "an", "S99", True),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("framed", ["plain", "mllp"])
def test_line_ends_and_frames_do_not_matter(end: str, framed: str) -> None:
    wanted = plain(read(FEED, SAMPLE)[0])
    text = SAMPLE.decode().replace("\r", end)
    if framed == "mllp":
        parts = text.split("MSH|")[1:]
        blocks = [part.split("BTS|")[0] for part in parts]
        text = "".join(f"\x0bMSH|{block}\x1c\r" for block in blocks)
    assert plain(read(FEED, text.encode())[0]) == wanted


def test_a_visit_with_two_practitioners_takes_the_time_of_both() -> None:
    rows = rows_of(message("S12", "1", "0730", "BS01", "AIP|2||BS02"))
    assert plain(rows) == [("1", "00:30", "an", "S12", True), ("1 #2", "00:30", "binh", "S12", True)]


def test_places_are_read_as_the_message_parts_them() -> None:
    said = message_of(1, ["MSH#*!%@#HIS", "SCH##A@x*B%S%C!second#%F%%E%", 'AIP#1##""*x'])
    assert [said.at(place) for place in ("SCH-2.1", "SCH-2", "SCH-2.2", "SCH-3", "AIP-3", "AIP-3.2")] == [
        "A", "A", "B%S%C", "%F%%E%", "", "x",
    ]  # fmt: skip
    usual = message_of(1, [MSH, "SCH||A\\T\\B^C\\S\\D~second|\\F\\\\E\\|x&y"])
    assert [usual.at(place) for place in ("SCH-2.1", "SCH-2.2", "SCH-3", "SCH-4", "SCH-9", "AIP-1", "MSH-9.2")] == [
        "A&B", "C^D", "|\\", "x", "", "", "S12",
    ]  # fmt: skip


@given(st.lists(st.text("abc&^~|\\", min_size=0, max_size=6), min_size=1, max_size=5))
def test_whatever_is_written_with_escapes_is_read_back(texts: list[str]) -> None:
    escapes = {"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "\\": "\\E\\", "&": "\\T\\"}
    fields = ["".join(escapes.get(sign, sign) for sign in text) for text in texts]
    said = message_of(1, [MSH, "ZZZ|" + "^".join(fields)])
    assert [said.at(f"ZZZ-1.{number}") for number in range(1, len(texts) + 1)] == texts


def test_other_messages_are_skipped_and_broken_ones_refused() -> None:
    other = "MSH|^~\\&|||||||ADT^A08|1|P|2.5\rPID|1||1\r"
    no_schedule = "MSH|^~\\&|||||||SIU^S12|1|P|2.5\rAIP|1||BS01\r"
    no_segment = message("S12", "7", "0730") + "a note that a program broke in two\r"
    no_signs = "MSH|\rSCH||1\r"
    rows, report = read(FEED, (message("S12", "1", "0730") + other + no_schedule + no_segment + no_signs).encode())
    assert [row.row_key for row in rows] == ["1"]
    assert report.skipped == {SkipReason.OTHER_MESSAGE.value: 1}
    assert report.refused == {RefusalReason.BROKEN_MESSAGE.value: 3}
    with pytest.raises(BrokenMessageError):
        message_of(1, ["MSH"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY),
        (b"\r\n", UnreadableReason.EMPTY),
        (b"ID,Start\r\n", UnreadableReason.WRONG_FORMAT),
        (b"PK\x03\x04 ", UnreadableReason.WRONG_FORMAT),
        (message("S12", "1", "0730").encode()[:-1], UnreadableReason.TRUNCATED),
        (b"\x0b" + message("S12", "1", "0730").encode(), UnreadableReason.CUT_OFF),
        (b"FHS|^~\\&\r" + message("S12", "1", "0730").encode(), UnreadableReason.CUT_OFF),
        (b"BHS|^~\\&\r" + message("S12", "1", "0730").encode() + b"BTS|2\r", UnreadableReason.CUT_OFF),
        (message("S12", "1", "0730").encode() + b"\0\r", UnreadableReason.NUL_BYTE),
        (message("S12", "1", "0730", "Bình").encode("cp1258", "replace") + b"\xff\r", UnreadableReason.NOT_DECODABLE),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: UnreadableReason) -> None:
    assert unreadable(data) is reason


def test_a_batch_cut_anywhere_is_never_taken_for_a_whole_one() -> None:
    for length in range(1, len(SAMPLE) - 2, 5):  # the last two bytes are a count's sign and a line end
        with pytest.raises(ExportUnreadable):
            read(FEED, SAMPLE[:length])


@pytest.mark.parametrize("place", ["PID-5", "NK1-2", "DG1-3", "OBX-5", "Start", "SCH", "SCH-0", "SCH-1.0", "sch-1"])
def test_a_feed_may_name_places_only_and_none_that_tell_who_the_patient_is(place: str) -> None:
    with pytest.raises(FeedError, match=r"columns\.end: "):
        parse_feed(TEXT.replace('end = "SCH-11.5"', f'end = "{place}"'))
    parse_feed(TEXT.replace('end = "SCH-11.5"', 'end = "ZXX-5"'))
