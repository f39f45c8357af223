"""Dates and times as spreadsheets count them: days since a first one, and the time of day as a fraction of one."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

EPOCHS: Final = {"excel1900": datetime(1899, 12, 30), "excel1904": datetime(1904, 1, 1)}  # noqa: DTZ001 (the zone comes from the feed)
_SERIAL: Final = re.compile(r"(\d{1,6})?(?:[.,](\d+))?(?: (\d{1,6})?(?:[.,](\d+))?)?")
_LAST: Final = 110_000  # the year 2201: a greater number is no date but something else
_DAY: Final = 86_400
_TOLD_TO_THE_SECOND: Final = 5  # decimals of a day
_TOLD_TO_THE_MINUTE: Final = 3


def moment_of(value: str, epoch: datetime) -> tuple[date | None, time] | None:
    """Of a serial such as `46349.3125`, or of a day and a time from two columns; None of anything else.

    Of two numbers the first gives the day and the second the time: either may hold the whole moment. Below one day it
    is a time of day alone.
    """
    match = _SERIAL.fullmatch(value)
    if match is None or not value:
        return None
    whole, part, more, rest = match.groups()
    days, seconds = int(whole or 0), _seconds(part)
    if more or rest:
        # A time of exactly 1 is 24:00.
        days, seconds = days + (more == "1" and not int(rest or 0)), _seconds(rest)
    if not (days or seconds) or days >= _LAST:
        return None
    # 1900 formats also count a day that never was, before March 1900.
    found = epoch + timedelta(days=days, seconds=seconds)
    return (found.date() if days else None), found.time()


def _seconds(digits: str | None) -> int:
    """Of a fraction of a day: to the second, and to the minute that is meant where it was written too short."""
    if not digits:
        return 0
    seconds = float("0." + digits) * _DAY
    minute = 60 * round(seconds / 60)
    short = _TOLD_TO_THE_MINUTE <= len(digits) <= _TOLD_TO_THE_SECOND
    return minute if short and abs(seconds - minute) < _DAY / 10 ** len(digits) else round(seconds)
