"""Until when a request is to be answered. Pure: days in, days out.

Periods are those of Decree 356/2025 as our notes have them, to be confirmed by the facility's lawyer. For an objection
we know of none, so the shortest holds. They count from the day after a request came; whether the law means working days
is stated for the first answer only, so the others are counted in days of the calendar, which is never later.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from booking.requests.kinds import RequestKind

REPLY_DAYS: Final = 2
"""Working days until she is told that her request was received."""

DAYS: Final = {
    RequestKind.SEE: 10,
    RequestKind.CORRECT: 10,
    RequestKind.WITHDRAW: 15,
    RequestKind.DELETE: 20,
    RequestKind.OBJECT: 10,
}
"""Days until it is done."""

SOON: Final = 3
"""So many days before its end a request is shown as urgent."""


def reply_by(received: date, is_off: Callable[[date], bool]) -> date:
    """The last day on which she may be told that her request was received; `is_off` tells days nobody works."""
    day, left = received, REPLY_DAYS
    while left:
        day += timedelta(days=1)
        if not is_off(day):
            left -= 1
    return day


def due(kind: RequestKind, received: date) -> date:
    """The last day on which it may be done."""
    return received + timedelta(days=DAYS[kind])


def days_left(due: date, today: date) -> int:
    """Until the end of its last day; 0 on that day, negative when it is over."""
    return (due - today).days
