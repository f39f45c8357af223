"""Messages and resources are read piece by piece: where the pieces end changes nothing."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports import fhir_reader, json_pieces
from scheduler.exports.feed_file import load_feed
from scheduler.exports.json_pieces import JsonPieces
from tests.exports import FEEDS, read

FEED = load_feed(FEEDS / "fhir.toml")
PIECES = (1, 2, 3, 7, 64, 65_536)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def slot(number: int, schedule: str = "a", **more: Any) -> dict[str, Any]:
    """A time of a schedule."""
    start = f"2026-11-24T{7 + number % 9:02}:30:00+07:00"
    when = {"start": start, "end": start.replace(":30:", ":45:"), "status": "busy", "comment": "Mẫu"}
    return {"resourceType": "Slot", "id": str(number), "schedule": {"reference": f"Schedule/{schedule}"}} | when | more


def schedule(name: str, practitioner: str) -> dict[str, Any]:
    """Whose times they are."""
    actor = [{"reference": f"Practitioner/{practitioner}"}]
    return {"resourceType": "Schedule", "id": name, "actor": actor}


def appointment(number: int, status: str = "booked") -> dict[str, Any]:
    """A visit."""
    who = [{"actor": {"reference": "Practitioner/bs02"}}, {"actor": {"reference": "Practitioner/bs01"}}]
    return slot(number) | {"resourceType": "Appointment", "status": status, "participant": who}


RESOURCES = [
    slot(1), slot(2, "b"), schedule("a", "bs01"), appointment(3), slot(4, "nobody"), schedule("b", "bs02"),
    {"resourceType": "Patient", "id": "x"}, appointment(3, "cancelled"), slot(1, "b"), appointment(5),
]  # fmt: skip


def bundle(kind: str, *, behind: bool) -> dict[str, Any]:
    """All of them; what the Bundle says of itself stands before its entries or behind them."""
    entries = {"entry": [{"resource": one} for one in RESOURCES] + [{"search": {"mode": "outcome"}}]}
    said = {"type": kind, "total": 2, "link": [{"relation": "self", "url": "x"}]}
    return {"resourceType": "Bundle"} | (entries | said if behind else said | entries)


def plain(data: bytes) -> list[tuple[object, ...]]:
    """Rows and what was skipped, as far as they can be compared."""
    rows, report = read(FEED, data)
    told = [(row.row_key, row.resource, row.starts_at, row.ends_at, row.state_text, row.line) for row in rows]
    return [*told, *sorted(report.skipped.items())]


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kind", ["collection", "history", "searchset"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_bundle_says_the_same_whatever_pieces_it_is_read_in(
    kind: str, indent: int | None, monkeypatch: pytest.MonkeyPatch, *, behind: bool
) -> None:
    found = bundle(kind, behind=behind)
    # Without its kind first nobody knows what the entries are: such a text is read as a whole.
    whole = {key: found[key] for key in ("entry", *(key for key in found if key != "entry"))}
    wanted = plain(json.dumps(whole, ensure_ascii=False, indent=indent).encode())
    assert len(wanted) > 5
    for size in PIECES:
        monkeypatch.setattr(json_pieces, "_CHUNK", size)
        monkeypatch.setattr(fhir_reader, "_FIRST", size)
        assert plain(json.dumps(found, ensure_ascii=False, indent=indent).encode()) == wanted


@pytest.mark.parametrize("size", PIECES)
def test_lines_say_the_same_however_long_the_first_is(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = "".join(f"\n{json.dumps(one, ensure_ascii=False)}\r\n" for one in RESOURCES).encode()
    wanted = plain(data)
    monkeypatch.setattr(json_pieces, "_CHUNK", size)
    monkeypatch.setattr(fhir_reader, "_FIRST", size)
    assert plain(data) == wanted
    with pytest.raises(ExportUnreadable) as caught:
        read(FEED, data + b"{x}\n")
    assert caught.value.facts["why"] == f"no JSON at line {2 * len(RESOURCES) + 1}"


@pytest.mark.parametrize("more", [b"{}", b" {}\n", b"]", b"x"])
def test_what_stands_behind_the_one_text_is_not_passed_over(more: bytes) -> None:
    for data in (json.dumps(slot(1)).encode(), json.dumps(slot(1), indent=1).encode() + b"\n"):
        with pytest.raises(ExportUnreadable) as caught:
            read(FEED, data + more)
        assert caught.value.reason is UnreadableReason.DAMAGED


@given(_json, st.sampled_from(PIECES), st.sampled_from([None, 1]))
def test_any_value_is_what_it_is(value: Any, size: int, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "_CHUNK", size)
        assert JsonPieces(io.StringIO(f" {text} "), "").value() == value
        assert JsonPieces(io.StringIO(text), text[:0]).value() == value
        pieces = JsonPieces(io.StringIO(f"[{text}, {text}]\n"))
        assert list(pieces.elements()) == [value, value]
        assert not pieces.sign()


@given(_json, st.sampled_from(PIECES), st.data())
def test_cut_anywhere_it_is_no_value(value: Any, size: int, data: st.DataObject) -> None:
    text = json.dumps([value])
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "_CHUNK", size)
        for walk in (JsonPieces.value, lambda pieces: list(pieces.elements())):
            with pytest.raises(ExportUnreadable):
                walk(JsonPieces(io.StringIO(cut)))
