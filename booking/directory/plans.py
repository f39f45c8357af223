"""Plans of visits that belong together, from seed/series.toml: what is due when after an anchor, with which windows.

Pure but for reading the file once. None of the plans is confirmed; pages say so.
"""

import calendar
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

PREGNANCY: Final = timedelta(weeks=40)
_MONTHS: Final = 12


class Anchor(StrEnum):
    """What the dates of a plan are counted from."""

    DAY = "day"
    BIRTH = "birth"
    DELIVERY = "delivery"  # the expected day of birth; weeks count from 40 weeks before it


class Due(BaseModel):
    """One visit: how long after the anchor, and how many days before and after are good."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(0, ge=0)
    weeks: int = Field(0, ge=0)
    months: int = Field(0, ge=0)
    before: int = Field(ge=0)
    after: int = Field(ge=0)
    name: str = ""
    name_en: str = ""


class Plan(BaseModel):
    """Visits that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    name_en: str
    anchor: Anchor
    services: tuple[str, ...] = Field(min_length=1)
    dates: tuple[Due, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A date of a plan: its number from 1, the day it is due, and the days that are good."""

    number: int
    due: date
    first: date
    last: date
    name: str = ""
    name_en: str = ""


@cache
def plans() -> dict[str, Plan]:
    """All plans by code, in the order of the file."""
    read = tomllib.loads((resources.files("booking.directory") / "seed" / "series.toml").read_text(encoding="utf-8"))
    made = [Plan.model_validate(each) for each in read["plans"]]
    return {plan.code: plan for plan in made}


def windows(plan: Plan, anchor: date, *, today: date) -> list[Window]:
    """The dates of a plan whose window is not over, each beginning today at the earliest; numbers stay the plan's."""
    start = anchor - PREGNANCY if plan.anchor is Anchor.DELIVERY else anchor
    found = []
    for number, each in enumerate(plan.dates, start=1):
        due = months_after(start, each.months) + timedelta(weeks=each.weeks, days=each.days)
        first, last = due - timedelta(days=each.before), due + timedelta(days=each.after)
        if last >= today:
            found.append(
                Window(number, max(due, today), max(first, today), last, each.name, each.name_en)
            )  # fmt: skip
    return found


def months_after(day: date, months: int) -> date:
    """The same day some months on; the last of a month that has no such day."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
