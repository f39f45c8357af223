"""The only file that asks the time. Everything else is told `now`, once per request or job run."""

import time as time_module
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""The zone of every facility today: UTC+7, no daylight saving since 1975."""


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def nanoseconds() -> int:
    """The present moment in nanoseconds since 1970, as traces count it."""
    return time_module.time_ns()


def local_day(moment: datetime) -> date:
    """The service day a moment falls on. Between 00:00 and 07:00 local the UTC date is another."""
    return moment.astimezone(ZONE).date()


def at_local(day: date, clock: time) -> datetime:
    """The moment when the facility's clock shows `clock` on `day`."""
    return datetime.combine(day, clock, ZONE).astimezone(UTC)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Start and end (exclusive) of a local day, in UTC."""
    return at_local(day, time.min), at_local(day + timedelta(days=1), time.min)


def pause(seconds: float) -> None:
    """Wait, in a command of the terminal; a server never does."""
    time_module.sleep(seconds)
