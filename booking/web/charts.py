"""Charts as plain geometry: columns that are stacked, waiting times by the hour. Templates draw them as SVG.

Units are CSS pixels at the size of type a reader has chosen (templates give the width in rem), so that text in a chart
is never smaller than around it. Nothing here knows a colour: series are told apart by pattern, and by the table beside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEFT: Final = 40
RIGHT: Final = 10
TOP: Final = 20
BOTTOM: Final = 22
HEIGHT: Final = 200
NARROW: Final = 320
"""What fits a small phone."""

_COLUMN: Final = 14.0
"""The least room of one column where there are many; then the chart is wider than a phone and scrolls in its box."""
_MANY_HOURS: Final = 6
_LABEL: Final = 44.0
"""Room that a label below needs."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, and its number."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a column; `series` is its number in the legend, from 0."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its label where there is room for one, the sum above it likewise, its parts from the ground up."""

    x: float
    label: str
    total: str
    top: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of columns."""

    width: float
    ticks: tuple[Tick, ...]
    columns: tuple[Column, ...]

    @property
    def base(self) -> float:
        """Where the ground is."""
        return HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Point:
    """A median and a 90th percentile above it."""

    x: float
    label: str
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Waits:
    """A chart of waiting times, its ticks at whole hours. Gaps have no point."""

    width: float
    ticks: tuple[Tick, ...]
    labels: tuple[tuple[float, str], ...]
    points: tuple[Point, ...]

    @property
    def base(self) -> float:
        """Where the ground is."""
        return HEIGHT - BOTTOM


def columns(groups: Sequence[tuple[str, Sequence[int]]], *, most: int) -> Columns:
    """Stacked columns.

    Args:
        groups: label and parts of each column, the parts in the order of the legend.
        most: where the axis ends; no column is higher.
    """
    width, step = _room(len(groups))
    every = _every(step)
    numbers = step >= _LABEL / 2
    made = []
    for index, (label, parts) in enumerate(groups):
        x = LEFT + step * (index + 0.5)
        bars, y = [], float(HEIGHT - BOTTOM)
        for series, part in enumerate(parts):
            height = _high(part, most)
            y -= height
            if part:
                bars.append(Bar(series, _r(x - step * 0.36), _r(y), _r(step * 0.72), _r(height)))
        whole = sum(int(part) for part in parts)
        said = label if index % every == 0 else ""
        made.append(Column(_r(x), said, str(whole) if numbers and whole else "", _r(y), tuple(bars)))
    return Columns(width, _ticks(most), tuple(made))


def waits(groups: Sequence[tuple[str, float | None, float | None]], *, least: int) -> Waits:
    """Medians and 90th percentiles in minutes; None where nobody was called. The axis reaches `least` at least."""
    highest = max((high for _, _, high in groups if high is not None), default=0.0)
    hours = max(math.ceil(highest / 60), math.ceil(least / 60))
    step_hours = 1 if hours < _MANY_HOURS else 2  # the target of two hours always has its line
    hours = math.ceil(hours / step_hours) * step_hours
    most = 60 * hours
    ticks = tuple(Tick(_y(60 * hour, most), 60 * hour) for hour in range(0, hours + 1, step_hours))
    width, step = _room(len(groups))
    every = _every(step)
    labels, points = [], []
    for index, (label, middle, high) in enumerate(groups):
        x = _r(LEFT + step * (index + 0.5))
        labels.append((x, label if index % every == 0 else ""))
        if middle is not None and high is not None:
            points.append(Point(x, label, _y(middle, most), _y(high, most)))
    return Waits(width, ticks, tuple(labels), tuple(points))


def _room(number: int) -> tuple[float, float]:
    """The width of a chart of so many columns, and of one of them."""
    inner = max(float(NARROW - LEFT - RIGHT), number * _COLUMN)
    return _r(LEFT + inner + RIGHT), inner / max(1, number)


def _every(step: float) -> int:
    """Every how many columns there is room for a label; a short one such as an hour needs less than a day."""
    return max(1, round(_LABEL / step)) if step < _LABEL / 2 else 1


def _ticks(most: int) -> tuple[Tick, ...]:
    return tuple(Tick(_y(value, most), value) for value in (0, most // 2, most))


def _high(value: float, most: int) -> float:
    return (HEIGHT - TOP - BOTTOM) * min(1.0, value / most)


def _y(value: float, most: int) -> float:
    return _r(HEIGHT - BOTTOM - _high(value, most))


def _r(value: float) -> float:
    return round(value, 1)
