"""How long a place is offered, and for which days one may wait."""

from datetime import UTC, date, datetime, timedelta

import pytest

from booking.appointments.waitlist.errors import WindowRefused
from booking.appointments.waitlist.rules import LEAST, MOST_DAYS, OFFERED_FOR, check_window, offer_length
from booking.clock import ZONE

TODAY = date(2026, 11, 30)


def at(clock: str) -> datetime:
    """That time on the facility's clock, as UTC."""
    return datetime.fromisoformat(f"2026-11-30T{clock}:00+07:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until", "length"),
    [
        ("10:00", "15:00", OFFERED_FOR),
        ("10:00", "10:30", timedelta(minutes=30)),
        ("10:00", "10:12", timedelta(minutes=12)),
        ("10:00", "10:10", LEAST),
        ("10:00", "10:09", None),
        ("10:00", "09:00", None),
        ("07:00", "15:00", OFFERED_FOR),
        ("06:59", "15:00", None),
        ("20:59", "23:30", OFFERED_FOR),
        ("21:00", "23:30", None),
    ],
)
def test_an_offer_lasts_as_long_as_there_is_time_to_answer(now: str, until: str, length: timedelta | None) -> None:
    assert offer_length(at(now), at(until), ZONE) == length


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (0, 0, None),
        (-3, 0, None),  # the days that are past are left out
        (0, MOST_DAYS, None),
        (2, 1, "order"),
        (-2, -1, "past"),
        (0, MOST_DAYS + 1, "long"),
    ],
)
def test_days_to_wait_for(first: int, last: int, reason: str | None) -> None:
    window = TODAY + timedelta(days=first), TODAY + timedelta(days=last)
    if reason is None:
        check_window(*window, today=TODAY)
        return
    with pytest.raises(WindowRefused) as refused:
        check_window(*window, today=TODAY)
    assert refused.value.facts["reason"] == reason
