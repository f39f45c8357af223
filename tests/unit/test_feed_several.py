"""Visits with several who examine: what a later message leaves out, names anew, calls off or deletes."""

from booking.exchange.rules import StagedRow
from scheduler.exports.feed_file import load_feed
from tests.exports import FEEDS, read

HL7 = load_feed(FEEDS / "hl7-siu.toml")


def message(event: str, visit: str, start: str, *doctors: str) -> str:
    lines = [f"MSH|^~\\&|HIS|BV|HK|VT|20261122||SIU^{event}^SIU_S12|1|P|2.5", f"SCH||{visit}^HIS"]
    lines += [f"AIS|1||KHAM|20261123{start}"] if start else []
    return "\r".join([*lines, *(f"AIP|{number}||{doctor}" for number, doctor in enumerate(doctors, 1))]) + "\r"


def told(*messages: str) -> list[tuple[str | None, str, str, bool]]:
    rows: list[StagedRow] = read(HL7, "".join(messages).encode())[0]
    return [(row.row_key, f"{row.starts_at:%H:%M}", row.resource, row.closes) for row in rows]


def test_a_message_that_names_nobody_is_about_all_who_were_named() -> None:
    both = message("S12", "1", "0730", "BS01", "BS02")
    moved = [("1", "03:00", "an", True), ("1 #2", "03:00", "binh", True)]
    assert told(both, message("S13", "1", "1000")) == moved
    assert told(both, message("S13", "1", "1000", "")) == moved
    assert told(both, message("S13", "1", "1000"), message("S15", "1", "")) == [
        ("1", "03:00", "an", False), ("1 #2", "03:00", "binh", False),
    ]  # fmt: skip


def test_a_message_that_names_somebody_names_all() -> None:
    both = message("S12", "1", "0730", "BS01", "BS02")
    assert told(both, message("S13", "1", "1000", "BS02")) == [("1", "03:00", "binh", True)]
    assert told(message("S12", "1", "0730", "BS01"), message("S13", "1", "", "BS01", "BS02")) == [
        ("1", "00:30", "an", True), ("1 #2", "00:30", "binh", True),
    ]  # fmt: skip
