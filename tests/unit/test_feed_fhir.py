"""FHIR R4 as a Bundle and as NDJSON: the newest version counts, and a missing page is missed."""

import json
from typing import Any

import pytest

from booking.exchange.errors import ExportUnreadable, FeedError
from booking.exchange.kinds import SkipReason, UnreadableReason
from booking.exchange.rules import StagedRow
from scheduler.exports import fhir_resource
from scheduler.exports.checking import unreadable_json
from scheduler.exports.feed_file import load_feed, parse_feed
from tests.exports import FEEDS, ROOT, read

DATA = ROOT / "tests" / "data" / "feeds"
TEXT = (FEEDS / "fhir.toml").read_text()
FEED = load_feed(FEEDS / "fhir.toml")
BUNDLE: dict[str, Any] = json.loads((DATA / "bundle.json").read_text())


def appointment(number: str, status: str = "booked", *actors: str, **more: Any) -> dict[str, Any]:
    taking = [{"actor": {"reference": actor}} for actor in actors or ("Practitioner/bs01",)]
    when = {"start": "2026-11-23T07:30:00+07:00", "end": "2026-11-23T01:00:00Z"}
    return {"resourceType": "Appointment", "id": number, "status": status, "participant": taking} | when | more


def bundle(*resources: Any, kind: str = "collection", **more: Any) -> bytes:
    return json.dumps(
        {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]} | more
    ).encode()


def lines(*resources: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in resources).encode()


def plain(rows: list[StagedRow]) -> list[tuple[object, ...]]:
    return [(row.row_key, row.resource, row.state_text, row.closes, row.offers) for row in rows]


def unreadable(data: bytes) -> UnreadableReason:
    with pytest.raises(ExportUnreadable) as caught:
        read(FEED, data)
    assert unreadable_json(FEED, caught.value)["unreadable"]
    return caught.value.reason


def test_a_bundle_and_ndjson_say_the_same() -> None:
    wanted, report = read(FEED, (DATA / "bundle.json").read_bytes())
    rows, _ = read(FEED, (DATA / "appointments.ndjson").read_bytes())
    assert plain(rows) == plain(wanted)
    assert ("Slot/78", "binh", "free", False, True) in plain(rows)
    assert report.skipped == {SkipReason.OTHER_MESSAGE.value: 1}  # the patient, of whom nothing is read
    assert plain(read(FEED, lines(BUNDLE))[0]) == plain(wanted)  # a line may be a page
    pages = [BUNDLE | {"entry": [entry]} for entry in BUNDLE["entry"]]
    assert plain(read(FEED, lines(*pages))[0]) == plain(wanted)


def test_the_newest_version_counts_whichever_end_it_stands_at() -> None:
    old, new = appointment("1"), appointment("1", "cancelled")
    assert plain(read(FEED, lines(old, new))[0]) == [("Appointment/1", "an", "cancelled", False, False)]
    assert plain(read(FEED, bundle(new, old, kind="history"))[0]) == [
        ("Appointment/1", "an", "cancelled", False, False)
    ]


def test_several_practitioners_and_addresses_of_them() -> None:
    both = appointment(
        "1", "booked", "https://his.example/fhir/Practitioner/bs02/_history/3", "Patient/x", "Practitioner/bs01"
    )
    assert plain(read(FEED, bundle(both))[0]) == [
        ("Appointment/1", "binh", "booked", True, False), ("Appointment/1 #2", "an", "booked", True, False),
    ]  # fmt: skip


def test_identifiers_names_and_kinds_of_actor_can_be_asked_for() -> None:
    actor = {"type": "Practitioner", "identifier": {"value": "0041"}, "display": "BS. Mẫu"}
    found = appointment(
        "1", participant=[{"actor": actor}], identifier=[{"system": "a", "value": "A"}, {"system": "b", "value": 7}],
        minutesDuration=20, serviceType=[{"coding": [{"display": "x"}, {"code": "kham"}]}],
    )  # fmt: skip
    said = {name: fhir_resource.read(found, name, {}) for name in (
        "practitioner", "practitioner.identifier", "practitioner.display", "identifier", "identifier|b", "identifier|c",
        "minutesDuration", "serviceType", "location", "device.identifier",
    )}  # fmt: skip
    assert said == {
        "practitioner": "", "practitioner.identifier": "0041", "practitioner.display": "BS. Mẫu", "identifier": "A",
        "identifier|b": "7", "identifier|c": "", "minutesDuration": "20", "serviceType": "kham", "location": "",
        "device.identifier": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.WRONG_FORMAT),
        (b"MSH|^~\\&|x\r", UnreadableReason.WRONG_FORMAT),
        (b'{"a": 1}', UnreadableReason.WRONG_FORMAT),
        (b"[]", UnreadableReason.WRONG_FORMAT),
        (b'{"resourceType": "Bundle", ]', UnreadableReason.DAMAGED),
        (lines(appointment("1")) + b"{x}\n", UnreadableReason.DAMAGED),
        (b"[" * 100_000 + b"]" * 100_000, UnreadableReason.DAMAGED),
        (bundle(appointment("1"), link=[{"relation": "next", "url": "x"}]), UnreadableReason.NOT_ALL),
        (bundle(appointment("1"), kind="searchset", total=2), UnreadableReason.NOT_ALL),
        (bundle(appointment("1")).replace(b"booked", b"b\xff"), UnreadableReason.NOT_DECODABLE),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: UnreadableReason) -> None:
    if not data:
        reason = UnreadableReason.EMPTY
    assert unreadable(data) is reason


@pytest.mark.parametrize(
    "odd", [None, 7, "x", [], {"reference": 7}, [None], [{"actor": []}], {"actor": {"reference": None}}]
)
def test_parts_of_another_shape_are_no_parts(odd: Any) -> None:
    strange = appointment("1", participant=odd, identifier=odd, serviceType=odd, schedule=odd)
    rows, report = read(FEED, bundle(strange, strange | {"resourceType": "Slot"}, appointment("2")))
    assert [row.row_key for row in rows] == ["Appointment/2"]
    assert report.skipped == {SkipReason.NO_RESOURCE.value: 2}


def test_a_bundle_cut_anywhere_is_never_taken_for_a_whole_one() -> None:
    data = (DATA / "bundle.json").read_bytes()
    for length in range(1, len(data) - 1, 41):
        with pytest.raises(ExportUnreadable):
            read(FEED, data[:length])


@pytest.mark.parametrize("name", ["participant.actor.reference", "patient", "practitioner.name", "Start", "comment"])
def test_a_feed_may_name_only_what_tells_nothing_of_the_patient(name: str) -> None:
    with pytest.raises(FeedError, match=r"columns\.end: "):
        parse_feed(TEXT.replace('end = "end"', f'end = "{name}"'))
