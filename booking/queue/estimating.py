"""When somebody will be called, said honestly; rules beside rules.py, as pure as they are.

An estimate is a band, wider the more people are ahead. Its early end believes that all goes quickly and that nobody
else comes; its late end, that it goes slowly and that everybody comes who is booked before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

STEP: Final = timedelta(minutes=5)
"""Nobody knows better than this."""

NARROWEST: Final = 2 * STEP
QUICKER: Final = 0.75
SLOWER: Final = 1.35
ENOUGH: Final = 3
"""Visits of today from which on their own pace counts, not the plan's."""

LATEST_VISITS: Final = 10
SHORTEST, LONGEST = 1.0, 120.0
"""Minutes a visit may have taken to be believed: a ticket finished at once or forgotten says nothing of the pace."""

WORTH_SAYING: Final = 15
"""Minutes late from which on it is said."""

RECENT: Final = timedelta(minutes=30)
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Band:
    """From when until when somebody may expect to be called."""

    start: datetime
    end: datetime


def visit_minutes(visits: Iterable[tuple[datetime, datetime]]) -> float | None:
    """The median minutes of today's last visits; None while there are too few to say.

    Args:
        visits: when each was called and finished, in any order.
    """
    latest = sorted(visits, key=lambda visit: visit[1])[-LATEST_VISITS:]
    lengths = [(finished - called).total_seconds() / 60 for called, finished in latest]
    believed = [length for length in lengths if SHORTEST <= length <= LONGEST]
    return median(believed) if len(believed) >= ENOUGH else None


def headway(measured: float | None, *, rooms: int, planned: float) -> float:
    """Minutes between two calls: what a visit takes, shared by the rooms that call; else as planned."""
    return planned if measured is None else measured / max(1, rooms)


def planned_headway(slots: Sequence[tuple[datetime, datetime, int]], duration: int) -> float:
    """Minutes between two calls if the day goes as published.

    Args:
        slots: start, end and places of each; several may stand at the same time.
        duration: the service's minutes a visit, where nothing is published.
    """
    minutes = sum((end - start).total_seconds() for start, end in {slot[:2] for slot in slots}) / 60
    places = sum(slot[2] for slot in slots)
    return minutes / places if minutes and places else float(duration)


def expected(
    *, ahead: int, coming: int, minutes: float, now: datetime, opens: datetime, own_start: datetime | None
) -> Band:
    """When one will be called.

    Args:
        ahead: people who are there and come first.
        coming: people who are booked before and may still come.
        minutes: between two calls.
        now: the moment of the estimate.
        opens: when the session begins, what is said of its delay included.
        own_start: of the own booked time; nobody is told to come before it. None where there is none.
    """
    base = max(now, opens)
    early = base + timedelta(minutes=ahead * minutes * QUICKER)
    late = base + timedelta(minutes=((ahead * SLOWER) + 1 + coming) * minutes)
    start = _down(early)
    if own_start is not None and start < own_start:
        start = _up(own_start)
    return Band(start, max(_up(late), start + NARROWEST))


def _down(moment: datetime) -> datetime:
    return moment - (moment - _EPOCH) % STEP


def _up(moment: datetime) -> datetime:
    over = (moment - _EPOCH) % STEP
    return moment + (STEP - over) if over else moment


def minutes_late(
    *,
    said: int | None,
    called: Iterable[tuple[datetime, datetime]],
    unserved: Iterable[datetime],
    now: datetime,
) -> int:
    """How late the session runs, in steps of five minutes; 0 where that is not worth saying.

    Args:
        said: what staff said, which holds until they say otherwise.
        called: for people who came in time: the end of the booked time and when they were called.
        unserved: likewise the ends of the booked times of those who still wait.
        now: the moment of the question.
    """
    recent = [_minutes(at - end) for end, at in called if now - at <= RECENT]
    found = max([said or 0, median(recent) if recent else 0, *(_minutes(now - end) for end in unserved)])
    steps = int(found // 5 * 5)
    return steps if steps >= WORTH_SAYING else 0


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60
