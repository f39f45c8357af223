"""Who is taken off a visit, and what is deleted: that alone is freed, in the same file and in a later one."""

import json
from typing import Any

import pytest

from booking.exchange.errors import FeedError
from booking.exchange.following import follow
from booking.exchange.kinds import SkipReason, VerdictKind
from booking.exchange.rules import StagedRow, Trace
from booking.exchange.service import known_of
from scheduler.exports import wire
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import load_feed, parse_feed
from scheduler.exports.reader import Skipped
from tests.exports import FEEDS, read
from tests.unit.test_exchange_standing import terms_of

HL7 = load_feed(FEEDS / "hl7-siu.toml")
FHIR_TEXT = (FEEDS / "fhir.toml").read_text()
FHIR = parse_feed(FHIR_TEXT.replace('"full_snapshot"', '"change_feed"'))


def message(event: str, *segments: str, start: str = "0730", visit: str = "1") -> str:
    """Segments as `BS01`, or `D BS01` with a code."""
    lines = [f"MSH|^~\\&|HIS|BV|HK|VT|20261122||SIU^{event}^SIU_S12|1|P|2.5", f"SCH||{visit}^HIS"]
    lines += [f"AIS|1||KHAM|20261123{start}"] if start else []
    for number, text in enumerate(segments, 1):
        code, _, who = text.rpartition(" ")
        lines.append(f"AIP|{number}|{code}|{who}")
    return "\r".join(lines) + "\r"


def closed_after(feed: Feed, *files: bytes) -> list[str]:
    """Who is taken when, after files that come one after the other."""
    kept: dict[str, StagedRow] = {}
    for data in files:
        rows, report = read(feed, data)
        assert report.refused == {}
        kept = follow(kept, rows, terms_of(feed), VerdictKind.APPLY, traces=report.traces).after(kept)
    return sorted({f"{row.resource} {row.starts_at:%H:%M}" for row in kept.values() if row.closes})


BOTH = message("S12", "BS01", "BS02")
CODED = {
    "one is deleted": (message("S14", "D BS02"), ["an 00:30"]),
    "the first is deleted": (message("S14", "D BS01"), ["binh 00:30"]),
    "one is deleted and the other listed": (message("S14", "D BS01", "U BS02"), ["binh 00:30"]),
    "one is deleted, nothing is done to the other": (message("S13", "X BS01", "D BS02", start="0900"), ["an 02:00"]),
    "the deletion has no time": (message("S14", "D BS01", start=""), ["binh 00:30"]),
    "both are deleted": (message("S14", "D BS01", "D BS02"), []),
    "one is added who is there": (message("S18", "A BS02"), ["an 00:30", "binh 00:30"]),
    "one is cancelled": (message("S20", "BS02", start=""), ["an 00:30"]),
    "one is deleted by the event": (message("S22", "U BS01"), ["binh 00:30"]),
    "a code that many always write": (message("S14", "A BS02"), ["binh 00:30"]),
    "small letters": (message("S14", "d BS02"), ["an 00:30"]),
    "all are updated": (message("S13", "U BS01", "U BS02", start="0900"), ["an 02:00", "binh 02:00"]),
    "one is updated, which names all": (message("S13", "U BS01", start="0900"), ["an 02:00"]),
    "somebody who is not there is deleted": (message("S14", "D BS09", start=""), ["an 00:30", "binh 00:30"]),
    "without codes one names all": (message("S14", "BS02"), ["binh 00:30"]),
    "called off, its parts deleted": (message("S15", "D BS01", "D BS02"), []),
    "called off, one part named": (message("S15", "D BS01", start=""), []),
}


@pytest.mark.parametrize(("second", "left"), CODED.values(), ids=CODED)
def test_codes_of_segments_are_followed_in_one_file_and_over_two(second: str, left: list[str]) -> None:
    assert closed_after(HL7, BOTH.encode(), second.encode()) == left
    assert closed_after(HL7, (BOTH + second).encode()) == left


def test_who_is_added_takes_the_time_beside_those_an_earlier_file_told_of() -> None:
    one, added = message("S12", "BS01").encode(), message("S18", "A BS02")
    assert closed_after(HL7, one, added.encode()) == ["an 00:30", "binh 00:30"]
    assert closed_after(HL7, one, added.encode(), message("S15", start="").encode()) == []
    assert closed_after(HL7, one, (added + message("S15", start="")).encode()) == []
    assert closed_after(HL7, one, (added + message("S13", start="0900")).encode()) == ["an 00:30", "binh 02:00"]
    assert closed_after(HL7, one, added.encode(), message("S13", "BS01", start="0900").encode()) == ["an 02:00"]
    assert closed_after(HL7, one, added.encode(), message("S14", "D BS02").encode()) == ["an 00:30"]
    assert closed_after(HL7, one, message("S14", "D BS01", "A BS02").encode()) == ["binh 00:30"]
    assert closed_after(HL7, one, (message("S14", "D BS01") + message("S18", "BS01")).encode()) == ["an 00:30"]
    assert closed_after(HL7, one, (message("S14", "D BS01") + message("S14", start="")).encode()) == []
    assert closed_after(HL7, (message("S12", "BS01") + added).encode()) == ["an 00:30", "binh 00:30"]


def test_another_visit_is_never_freed() -> None:
    other = message("S12", "BS02", visit="2", start="0900")
    assert closed_after(HL7, (BOTH + other).encode(), message("S14", "D BS02").encode()) == ["an 00:30", "binh 02:00"]
    nobody = message("S14", "D BS02", visit="")
    assert closed_after(HL7, BOTH.encode(), nobody.encode()) == ["an 00:30", "binh 00:30"]


def test_what_is_taken_off_survives_being_kept_and_the_way_between_processes() -> None:
    trace = Trace("1", "an", lets_go=True, state_text="S14", off=True)
    told = Skipped(3, SkipReason.OTHER_MESSAGE, traces=(trace,))
    assert wire.Listener(HL7).hear(wire.line_of(told)) == told
    assert known_of([trace], {}) == (trace,)
    for flags in (b'true,"",1', b'true,"",true,true', b'false,"",true'):
        with pytest.raises(wire.Garbled):
            wire.Listener(HL7).hear(b'[2,3,"other_message",["",false],["1","an",null,' + flags + b"]]\n")


def version(number: str, *, kind: str = "Appointment", doctor: str = "Practitioner/bs01") -> dict[str, Any]:
    when = {"start": "2026-11-23T07:30:00+07:00", "end": "2026-11-23T08:00:00+07:00"}
    who = [{"actor": {"reference": doctor}}]
    inner = {"resourceType": kind, "id": number, "status": "booked", "participant": who} | when
    return {"resource": inner, "request": {"method": "PUT", "url": f"{kind}/{number}"}}


def deleted(url: str) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": url}}


def history(*entries: dict[str, Any], kind: str = "history") -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


@pytest.mark.parametrize("kind", ["history", "transaction"])
def test_what_is_deleted_in_a_later_file_frees_its_row_and_no_other(kind: str) -> None:
    first = history(version("1"), version("11", doctor="Practitioner/bs02"))
    for url in ("Appointment/1", "https://his.example/fhir/Appointment/1", "Appointment/1/_history/3"):
        assert closed_after(FHIR, first, history(deleted(url), kind=kind)) == ["binh 00:30"]
        assert closed_after(FHIR, first, history(deleted(url), kind=kind), first) == ["an 00:30", "binh 00:30"]
    for url in ("Slot/1", "Appointment/2", "Patient/1", "Appointment?identifier=x/Appointment/1", "Appointment", ""):
        assert closed_after(FHIR, first, history(deleted(url), kind=kind)) == ["an 00:30", "binh 00:30"]
    again = history(version("1"), deleted("Appointment/1"))
    assert closed_after(FHIR, first, again) == ["an 00:30", "binh 00:30"], "of a history the first word is the newest"
    assert read(FHIR, history(deleted("Appointment/1")))[1].verdict.kind is VerdictKind.APPLY


def test_what_is_deleted_frees_all_who_took_part() -> None:
    both = version("1")
    both["resource"]["participant"].append({"actor": {"reference": "Practitioner/bs02"}})
    assert closed_after(FHIR, history(both)) == ["an 00:30", "binh 00:30"]
    assert closed_after(FHIR, history(both), history(deleted("Appointment/1"))) == []


def test_rows_known_by_another_number_are_not_freed_by_the_id() -> None:
    other = parse_feed(FHIR_TEXT.replace('"full_snapshot"', '"change_feed"').replace('id = "id"', 'id = "identifier"'))
    entry = version("1")
    entry["resource"]["identifier"] = [{"value": "Appointment/1"}]
    assert closed_after(other, history(entry), history(deleted("Appointment/1"))) == ["an 00:30"]


WHOLE = "https://his.example/fhir/Practitioner/bs01"


def test_a_key_may_be_the_whole_address_as_the_file_has_it() -> None:
    text = FHIR_TEXT.replace('"Practitioner/bs01"', f'"{WHOLE}"')
    assert text != FHIR_TEXT
    for doctor in ("Practitioner/bs01", WHOLE, f"{WHOLE}/_history/2"):
        assert [row.resource for row in read(parse_feed(text), history(version("1", doctor=doctor)))[0]] == ["an"]
    ignoring = FHIR_TEXT.replace(
        "[resources.an]", f'[resource_key]\nignore = "{WHOLE.replace("bs01", "bs09")}"\n[resources.an]'
    )
    report = read(parse_feed(ignoring), history(version("1", doctor="Practitioner/bs09")))[1]
    assert report.skipped == {SkipReason.IGNORED_RESOURCE.value: 1}
    with pytest.raises(FeedError, match="belongs to an too"):
        parse_feed(text.replace('"Practitioner/bs02"', '"https://other.example/Practitioner/bs01"'))
    with pytest.raises(FeedError, match="is a key of an"):
        parse_feed(ignoring.replace("bs09", "bs01"))
