"""What the charts of a facility show: its hours, its weekdays, its waiting, and the week as a table of heat."""

from dataclasses import dataclass
from datetime import date

from booking.figures.queries import Counts, Figures
from booking.figures.rules import TARGET_MINUTES, ceiling
from booking.i18n import Language
from booking.web.charts import Columns, Waits, columns, waits

_SHADES = 5
_SHORT_VI = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")
_SHORT_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Cell:
    """How many people came on a weekday in an hour; `shade` from 0 (nobody) to 5 (as many as ever)."""

    number: int
    shade: int


@dataclass(frozen=True, slots=True)
class Heat:
    """Weekdays (1 is Monday) by hours."""

    hours: tuple[int, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a page; None where a span has no use for one. `by_day`: waiting day by day, else by the hour."""

    hours: Columns
    weekdays: Columns | None
    waiting: Waits
    by_day: bool
    heat: Heat | None


def of(found: Figures, language: Language) -> Drawn:
    """The charts of a facility's figures."""
    week = found.span.days > 1
    weekdays = found.keys("weekday")
    return Drawn(
        hours=_people([(f"{hour}", found.of("hour", hour)) for hour in found.keys("hour")]),
        weekdays=_people([(short(day, language), found.of("weekday", day)) for day in weekdays]) if week else None,
        waiting=_waiting(found, by_day=week),
        by_day=week,
        heat=_heat(found) if week else None,
    )


def short(weekday: int, language: Language) -> str:
    """A weekday (1 is Monday) in two or three letters."""
    return (_SHORT_VI if language == "vi" else _SHORT_EN)[weekday - 1]


def _people(groups: list[tuple[str, Counts]]) -> Columns:
    """Came as booked, came without booking, did not come, not known (yet)."""
    parts = [(label, (one.came, one.walk_ins, one.missed, one.unsettled + one.ahead)) for label, one in groups]
    return columns(parts, most=ceiling([sum(part) for _, part in parts]))


def _waiting(found: Figures, *, by_day: bool) -> Waits:
    cut = "day" if by_day else "hour"
    groups = []
    for key in found.keys(cut):
        one = found.of(cut, key)
        label = f"{key:%d/%m}" if isinstance(key, date) else f"{key}"
        groups.append((label, one.wait_median, one.wait_90))
    return waits(groups, least=TARGET_MINUTES + 60)


def _heat(found: Figures) -> Heat | None:
    hours = found.keys("hour")
    if not hours:
        return None
    every = range(hours[0], hours[-1] + 1)
    most = max((one.people for key, one in found.cuts.items() if key[0] == "cell"), default=0)
    rows = []
    for day in found.keys("weekday"):
        numbers = [found.of("cell", (day, hour)).people for hour in every]
        rows.append((day, tuple(Cell(one, -(-one * _SHADES // most) if most else 0) for one in numbers)))
    return Heat(tuple(every), tuple(rows))
