"""Days and times in the shape a page shows them. Pure: JSON members in, plain views out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from booking.availability.kinds import NothingFree
from booking.availability.rules import WhyNot, days_between

FEW = 3
"""Up to so many places are told in words beside a time."""
NOON = 12

DayState = Literal["free", "full", "closed", "none", "later", "over"]

_STATES: Mapping[NothingFree, DayState] = {
    NothingFree.FULL: "full",
    NothingFree.OFF: "closed",
    NothingFree.CLOSED: "closed",
    NothingFree.PAUSED: "closed",
    NothingFree.LATER: "later",
    NothingFree.OVER: "over",
    NothingFree.PAST: "over",
    NothingFree.NO_SESSION: "none",
}


@dataclass(frozen=True, slots=True)
class Day:
    """One day: whether one can come, how many places are free, and the holiday it is.

    `closed` is a holiday, or a day whose times were all closed; `none` is a day on which this service has no times;
    `later` can be booked from the moment `since`; for `over` it is too late.
    """

    day: date
    state: DayState
    free: int = 0
    holiday: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """The days of one month that lie in the span. `column` is 1 for Monday: where the first of them stands."""

    first: date
    column: int
    days: list[Day]


def months(
    free: Mapping[date, int], why: Mapping[date, WhyNot], *, first: date, last: date, holidays: Mapping[date, str]
) -> list[Month]:
    """The days from `first` to `last`, by month.

    Args:
        free: days with free places, and how many.
        why: for every other day why it has none.
        first: the first day shown.
        last: the last day shown.
        holidays: names of days off.
    """
    listed: list[Month] = []
    for day in days_between(first, last):
        if not listed or listed[-1].first.month != day.month:
            listed.append(Month(day, day.isoweekday(), []))
        if day in free:
            listed[-1].days.append(Day(day, "free", free[day]))
        else:
            found = why[day]
            listed[-1].days.append(Day(day, _STATES[found.reason], 0, holidays.get(day), found.since))
    return listed


def earliest(shown: Sequence[Month]) -> Day | None:
    """The first day one can come."""
    return next((day for month in shown for day in month.days if day.state == "free"), None)


@dataclass(frozen=True, slots=True)
class Summary:
    """Why a span of days has nothing free, in numbers: days that are full, whose sessions were closed, and days off."""

    full: int
    closed: int
    holidays: list[Day]


def summary(shown: Sequence[Month]) -> Summary:
    """The days of a span that one might have come on."""
    days = [day for month in shown for day in month.days]
    return Summary(
        full=sum(day.state == "full" for day in days),
        closed=sum(day.state == "closed" and day.holiday is None for day in days),
        holidays=[day for day in days if day.holiday is not None],
    )


@dataclass(frozen=True, slots=True)
class Half:
    """A morning or an afternoon with its free times, and the starts of those that are full.

    `practitioner` is who examines, where it is one and the same for all free times.
    """

    morning: bool
    free: list[Mapping[str, Any]]
    full: list[str]
    practitioner: str | None

    def few(self, slot: Mapping[str, Any]) -> bool:
        """Whether so few places of a time are left that their number is told."""
        return bool(slot["free"] <= FEW)


def halves(slots: Sequence[Mapping[str, Any]]) -> list[Half]:
    """The times of a day by half-day; a half without times is left out."""
    shown = []
    for morning in (True, False):
        part = [slot for slot in slots if (int(slot["start"][11:13]) < NOON) is morning]
        free = [slot for slot in part if slot["status"] == "free"]
        full = sorted({slot["start"] for slot in part if slot["status"] == "full"} - {slot["start"] for slot in free})
        if free or full:
            names = {slot.get("practitioner") for slot in free}
            shown.append(Half(morning, free, full, names.pop() if len(names) == 1 else None))
    return shown
