"""Times as clerks write them, and which of them can be. Pure: plain values in, a value out or a refusal."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from booking.queue.kinds import TicketState
from booking.queue.paper.errors import PaperRefused, PaperTimeRefused
from booking.queue.paper.kinds import AFTERWARDS, Outcome

BACK: Final = timedelta(days=7)
"""So long a day on paper may be entered afterwards."""

AHEAD: Final = timedelta(days=30)
"""So far ahead a sheet may be looked at and printed."""

_CLOCK = re.compile(r"(\d{1,2})(?:\s*(?:[:.hg,]|giờ|gio)\s*(\d{1,2})?|(\d{2}))?")
_HOURS: Final = 24
_MINUTES: Final = 60

STATE_AFTER: Final = {
    Outcome.SEEN: TicketState.DONE,
    Outcome.WAITS: TicketState.WAITING,
    Outcome.LEFT: TicketState.LEFT,
}


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of a visit. `assumed` names those nobody wrote down: they are never called measured."""

    came: datetime
    called: datetime | None
    finished: datetime | None
    assumed: tuple[str, ...] = ()


def read_clock(raw: str, *, field: str) -> time | None:
    """A time as it is written by hand or typed in a hurry: 745, 0745, 7:45, 7h45, 7 giờ 45, 8; None of nothing.

    Raises:
        PaperTimeRefused: it is none.
    """
    text = " ".join(raw.lower().split())
    if not text:
        return None
    found = _CLOCK.fullmatch(text)
    hour = int(found[1]) if found else _HOURS
    minute = int(found[2] or found[3] or 0) if found else 0
    if hour >= _HOURS or minute >= _MINUTES:
        raise PaperTimeRefused(field=field, reason="unread")
    return time(hour, minute)


def check_day(day: date, today: date) -> None:
    """Whether a day may still be entered from paper.

    Raises:
        PaperRefused: it is ahead, or a week back.
    """
    if not today - BACK <= day <= today:
        raise PaperRefused(reason="day", day=str(day))


def check_outcome(outcome: Outcome, *, day: date, today: date, there: bool) -> None:
    """Whether a row may say so.

    Args:
        outcome: what is ticked.
        day: of the sheet.
        today: the local day.
        there: whether she has checked in at the desk.

    Raises:
        PaperRefused: somebody who waits in a day that is over, or who checked in and did not come.
    """
    if day != today and outcome not in AFTERWARDS:
        raise PaperRefused(reason="over")
    if there and outcome in (Outcome.MISSED, Outcome.WAITS):
        raise PaperRefused(reason="there")


def settled(
    outcome: Outcome,
    *,
    came: datetime | None,
    called: datetime | None,
    finished: datetime | None,
    due: datetime | None,
    now: datetime,
) -> Times:
    """The moments of a visit from what was written down.

    What was not written is not invented: a call stays unknown. Only what a ticket cannot be without is assumed, in
    such a way that no waiting and no visit is measured from it: the end at the call or the arrival, and the arrival at
    the booked time or whatever is known to have been earlier.

    Args:
        outcome: what became of her.
        came: written down, or known from the desk.
        called: likewise.
        finished: likewise.
        due: the start of the booked time; None where there is none.
        now: the moment of entering.

    Raises:
        PaperTimeRefused: a time that lies ahead, times in the wrong order, or none at all for somebody not booked.
    """
    written = [
        (name, at) for name, at in (("came", came), ("called", called), ("finished", finished)) if at is not None
    ]
    for name, at in written:
        if at > now:
            raise PaperTimeRefused(field=name, reason="future")
    for (_, before), (name, after) in pairwise(written):
        if after < before:
            raise PaperTimeRefused(field=name, reason="order")
    assumed: list[str] = []
    if came is None:
        known = [at for at in (due, called, finished) if at is not None]
        if not known:
            raise PaperTimeRefused(field="came", reason="missing")
        came = min(*known, now)
        assumed.append("came")
    if outcome is Outcome.WAITS:
        return Times(came, None, None, tuple(assumed))
    if finished is None:
        finished = called or came
        assumed.append("finished")
    return Times(came, called, finished, tuple(assumed))


def mark(visit: str | None, version: int | None) -> str:
    """How somebody stands, as a form remembers it: any act of the desk makes another mark."""
    return f"{visit or 'none'}.{version or 0}"
