"""Visits with several who examine: what a later message leaves out, names anew, calls off or deletes."""

from booking.exchange.commands import Terms
from booking.exchange.following import follow, keyed
from booking.exchange.kinds import AbsenceMeaning, VerdictKind
from booking.exchange.rules import StagedRow, Trace
from scheduler.exports.feed_file import load_feed
from tests.exports import FEEDS, read
from tests.feeds import row

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


def kept_after(rows: list[StagedRow], *traces: Trace, numbered: bool = True, only: bool = False) -> set[str]:
    """Which of the rows of visits 1 and 2 still stand after a later file."""
    terms = Terms(AbsenceMeaning.CHANGE_FEED, None, {"chau": 30}, numbered=numbered)
    before = [row(key, "08:00") for key in ("1", "1 #2", "1 #3", "2", "2 #2")]
    kept = keyed(before, terms.meaning)
    verdict = VerdictKind.CLOSINGS_ONLY if only else VerdictKind.APPLY
    return set(follow(kept, rows, terms, verdict, traces=traces).after(kept))


def test_in_a_later_file_too_a_visit_is_with_those_whom_it_names() -> None:
    assert kept_after([row("1", "09:00"), row("1 #2", "09:00")]) == {"1", "1 #2", "2", "2 #2"}
    assert kept_after([row("1", "08:00", closes=False)]) == {"1", "2", "2 #2"}
    everyone = {"1", "1 #2", "1 #3", "2", "2 #2"}
    assert kept_after([row("1", "08:00")], numbered=False) == everyone  # a table's own keys may end so
    assert kept_after([row("1", "08:00")], only=True) == everyone
    assert kept_after([row("1", "08:00")], Trace("1 #2")) == {"1", "1 #2", "2", "2 #2"}


def test_the_feed_says_which_ids_are_numbered() -> None:
    assert HL7.numbered
    assert load_feed(FEEDS / "fhir.toml").numbered
    assert load_feed(FEEDS / "workbook.toml").numbered
    assert not load_feed(FEEDS / "calendar.toml").numbered
    terms = Terms(AbsenceMeaning.CHANGE_FEED, None, {"an": 15}, numbered=True)
    assert Terms.from_plain(terms.plain()) == terms
    assert not Terms.from_plain({key: found for key, found in terms.plain().items() if key != "numbered"}).numbered
