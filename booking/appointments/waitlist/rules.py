"""How long a place is offered, and for which days one may wait. Pure: told the time and the zone."""

from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from booking.appointments.waitlist.errors import WindowRefused
from booking.messages.rules import is_quiet

OFFERED_FOR: Final = timedelta(minutes=30)
"""How long a place is kept for somebody who was told of it."""

LEAST: Final = timedelta(minutes=10)
"""A shorter offer helps nobody: the text has to arrive and be read."""

OFFERS_PER_DAY: Final = 4
"""How many places one entry is told of in a day: who let four pass is at work, or asleep, and each costs an SMS."""

UNHEARD: Final = timedelta(minutes=2)
"""An offer whose text did not go out within this was heard by nobody."""

JUDGED_BY: Final = 5
UNHEARD_OFFERS: Final = 3
"""So many of the last few unheard, and it is not one number's trouble: texts do not go out."""

SILENCE: Final = timedelta(hours=1)
"""Then no other is made for this long after them: places that nobody hears of are better off public."""

DEFAULT_DAYS: Final = 14
MOST_DAYS: Final = 60
"""How many days a wait may span, from today."""


def offer_length(now: datetime, bookable_until: datetime, zone: tzinfo) -> timedelta | None:
    """How long a place freed at `now` is offered; None where it goes public at once.

    In the quiet hours nobody is woken, and shortly before the place can no longer be booked there is no time to answer.

    Args:
        now: when it became free, UTC.
        bookable_until: until when a place of the slot can be booked, UTC.
        zone: of the facility.
    """
    if not telling(now, zone):
        return None
    length = min(OFFERED_FOR, bookable_until - now)
    return length if length >= LEAST else None


def telling(now: datetime, zone: tzinfo) -> bool:
    """Whether anybody may be told of a place at this hour."""
    return not is_quiet(now, zone)


def check_window(first: date, last: date, *, today: date) -> None:
    """Whether one may wait for a place on these days.

    Raises:
        WindowRefused: `reason` is order, past or long.
    """
    if last < first:
        raise WindowRefused(reason="order", field="to")
    if last < today:
        raise WindowRefused(reason="past", field="to")
    if last > today + timedelta(days=MOST_DAYS):
        raise WindowRefused(reason="long", field="to", most=MOST_DAYS)
