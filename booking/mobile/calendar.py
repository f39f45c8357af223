"""Days and times in the shape a page shows them. Pure: JSON members in, plain views out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

FEW = 3
"""Up to so many places are told in words beside a time."""
NOON = 12

DayState = Literal["free", "full", "closed", "none", "later"]


@dataclass(frozen=True, slots=True)
class Day:
    """One day: whether one can come, how many places are free, and the holiday it is.

    `closed` is a holiday, or a day whose times were all closed; `none` is a day on which this service has no times.
    """

    day: date
    state: DayState
    free: int
    holiday: str | None


@dataclass(frozen=True, slots=True)
class Month:
    """The days of one month that lie in the span. `column` is 1 for Monday: where the first of them stands."""

    first: date
    column: int
    days: list[Day]


def months(
    found: Sequence[Mapping[str, Any]], *, first: date, last: date, until: date, holidays: Mapping[date, str]
) -> list[Month]:
    """The days from `first` to `last`, by month.

    Args:
        found: days with times, as the statement DAYS lists them.
        first: the first day shown.
        last: the last day shown.
        until: the last day for which times are published.
        holidays: names of days off.
    """
    by_day = {date.fromisoformat(row["day"]): row for row in found}
    listed: list[Month] = []
    day = first
    while day <= last:
        if not listed or listed[-1].first.month != day.month:
            listed.append(Month(day, day.isoweekday(), []))
        listed[-1].days.append(_day(day, by_day.get(day), until=until, holiday=holidays.get(day)))
        day += timedelta(days=1)
    return listed


def _day(day: date, row: Mapping[str, Any] | None, *, until: date, holiday: str | None) -> Day:
    if row is not None and row["free"] > 0:
        return Day(day, "free", row["free"], None)
    if row is not None:
        return Day(day, "full" if row["open"] else "closed", 0, holiday)
    if holiday is not None:
        return Day(day, "closed", 0, holiday)
    return Day(day, "later" if day > until else "none", 0, None)


def earliest(shown: Sequence[Month]) -> Day | None:
    """The first day one can come."""
    return next((day for month in shown for day in month.days if day.state == "free"), None)


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
