"""Spans of days one may ask slots for."""

from datetime import date, datetime

from booking.clock import day_bounds
from booking.errors import RuleBroken

MOST_DAYS = 62
"""Two months: what a month's view with its edges needs, and no more than one page should load."""


class SpanRefused(RuleBroken):
    """The span of days is empty, reversed or too long."""

    code = "span_refused"


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """Start and end (exclusive) of the days from `first` to `last`, both included.

    Raises:
        SpanRefused: the last day lies before the first, or more than 62 days are asked for.
    """
    if not 0 <= (last - first).days < MOST_DAYS or last == date.max or first == date.min:
        raise SpanRefused(most=MOST_DAYS, field="to")
    return day_bounds(first)[0], day_bounds(last)[1]
