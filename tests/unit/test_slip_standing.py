"""How a visit stands at a moment, and the way to the facility."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from booking.clock import ZONE
from booking.directory.kinds import FacilityKind, FacilityState
from booking.directory.queries import FacilityView
from booking.mobile.slip.standing import standing
from booking.mobile.slip.way import map_link

START = datetime(2026, 11, 30, 7, 30, tzinfo=ZONE)
END = START + timedelta(minutes=30)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=ZONE)


def view(state: str = "booked") -> dict[str, Any]:
    return {
        "state": state,
        "slot": {"start": START.isoformat(), "end": END.isoformat()},
        "change_until": (START - timedelta(hours=2)).isoformat(),
    }


@pytest.mark.parametrize(
    ("now", "phase", "today", "asked", "changeable"),
    [
        (START - timedelta(days=7), "booked", False, False, True),
        (datetime(2026, 11, 28, 23, 59, tzinfo=ZONE), "booked", False, False, True),
        (datetime(2026, 11, 29, 0, 0, tzinfo=ZONE), "booked", False, True, True),
        (datetime(2026, 11, 30, 0, 0, tzinfo=ZONE), "booked", True, True, True),
        (START - timedelta(hours=2), "booked", True, True, False),
        (START - timedelta(seconds=1), "booked", True, True, False),
        (START, "begun", True, False, False),
        (END, "late", True, False, False),
        (MIDNIGHT - timedelta(seconds=1), "late", True, False, False),
        (MIDNIGHT, "missed", False, False, False),
    ],
)
def test_a_booked_visit_through_time(now: datetime, phase: str, *, today: bool, asked: bool, changeable: bool) -> None:
    stands = standing(view(), now)
    assert (stands.phase, stands.today, stands.asked, stands.changeable) == (phase, today, asked, changeable)
    assert stands.keep_until == (None if phase == "missed" else MIDNIGHT)
    assert stands.live is (phase != "missed")


@pytest.mark.parametrize(
    ("state", "now", "phase"),
    [
        ("arrived", START, "arrived"),
        ("arrived", END + timedelta(hours=2), "arrived"),
        ("arrived", MIDNIGHT, "over"),
        ("fulfilled", END, "over"),
        ("noshow", END, "missed"),
        ("cancelled", START - timedelta(days=3), "cancelled"),
        ("cancelled", MIDNIGHT, "cancelled"),
    ],
)
def test_what_happened_comes_before_what_the_clock_says(state: str, now: datetime, phase: str) -> None:
    stands = standing(view(state), now)
    assert stands.phase == phase
    assert not stands.changeable
    assert not stands.asked
    assert (stands.keep_until is not None) is (phase == "arrived")


def facility(**known: Any) -> FacilityView:
    unknown = {
        "address": None, "phone": None, "latitude": None, "longitude": None, "ward_2023": None, "ward_2025": None,
        "parent": None, "merged_into": None, "confirmed": False, "name_en": "Sample",
    }  # fmt: skip
    sure = {"code": "X", "kind": FacilityKind.HEALTH_STATION, "state": FacilityState.OPEN, "name": "Trạm Y tế Mẫu & Co"}
    return FacilityView(**(unknown | sure | known))


@pytest.mark.parametrize(
    ("known", "query"),
    [
        ({"latitude": 10.346, "longitude": 107.0843, "address": "1 đường Mẫu"}, "10.346000,107.084300"),
        ({"address": "1 đường Mẫu", "ward_2023": "Phường 1", "ward_2025": "Phường Vũng Tàu"},
         "Trạm Y tế Mẫu & Co, 1 đường Mẫu, Phường Vũng Tàu, Vũng Tàu"),
        ({"ward_2023": "Phường 1"}, "Trạm Y tế Mẫu & Co, Phường 1, Vũng Tàu"),
        ({"latitude": 10.346}, "Trạm Y tế Mẫu & Co, Vũng Tàu"),
    ],
)  # fmt: skip
def test_the_map_is_asked_for_a_point_or_else_an_address(known: dict[str, Any], query: str) -> None:
    parts = urlsplit(map_link(facility(**known)))
    assert parts.scheme == "https"
    assert parse_qs(parts.query) == {"api": ["1"], "query": [query]}
