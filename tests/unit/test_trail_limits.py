"""Windows in which tries are counted."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from booking.clock import ZONE
from booking.trail import service
from booking.trail.service import Limit

DAY = Limit("phone", 12, 86_400)
LOCAL = timezone(timedelta(hours=7))


def _window_begins(monkeypatch: pytest.MonkeyPatch | None = None) -> set[str]:
    """The local hour at which windows of a day begin, over a year and every hour of a day."""
    if monkeypatch is not None:
        monkeypatch.setattr(service, "_EPOCH", datetime(2026, 1, 1, tzinfo=UTC))
    moments = (datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in range(0, 9000, 5))
    return {DAY.window(moment).astimezone(ZONE).strftime("%H:%M") for moment in moments}


def test_a_day_is_a_local_day() -> None:
    assert _window_begins() == {"00:00"}


def test_control_counted_from_midnight_in_greenwich_it_begins_at_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _window_begins(monkeypatch) == {"07:00"}


@pytest.mark.parametrize("hour", [0, 3, 6, 7, 12, 23])
def test_one_local_day_is_one_window_and_the_next_is_another(hour: int) -> None:
    moment = datetime(2026, 11, 23, hour, 30, tzinfo=LOCAL)
    assert DAY.window(moment) == datetime(2026, 11, 23, tzinfo=LOCAL)
    assert DAY.window(moment + timedelta(days=1)) == datetime(2026, 11, 24, tzinfo=LOCAL)
    assert DAY.retry_after(moment) == (23 - hour) * 3600 + 1800


def test_the_next_window_begins_with_its_first_second() -> None:
    limit = Limit("address", 3000, 600)
    start = limit.window(datetime(2026, 11, 23, 8, 5, tzinfo=LOCAL))
    assert start == datetime(2026, 11, 23, 8, 0, tzinfo=LOCAL)
    assert limit.window(start + timedelta(seconds=599)) == start
    assert limit.window(start + timedelta(seconds=600)) == start + timedelta(seconds=600)
    assert limit.retry_after(start + timedelta(seconds=599.9)) == 1
