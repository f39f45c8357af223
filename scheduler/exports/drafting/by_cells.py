"""Columns whose headers say nothing known, told by their cells: only what the cells can hardly be otherwise."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from scheduler.exports.drafting import dates
from scheduler.exports.drafting.finding import Table
from scheduler.exports.drafting.words import sort_of_state

_STATES: Final = 40
_KNOWN_SHARE: Final = 0.7
_AFTER_SHARE: Final = 0.98
_LONGEST_VISIT: Final = timedelta(hours=12)
_LENGTHS: Final = 24
_SAMPLE: Final = 500


def states(table: Table, places: Iterable[int]) -> list[tuple[int, float]]:
    """Columns of a few words most of which are known as states, and the share of cells that hold such."""
    found = []
    for place in places:
        words = Counter(table.column(place))
        known = sum(count for word, count in words.items() if sort_of_state(word) != "unknown")
        # One word alone may be anything: "new" is a kind of visit too.
        several = sum(sort_of_state(word) != "unknown" for word in words) > 1
        if several and len(words) <= _STATES and known >= _KNOWN_SHARE * words.total():
            found.append((place, known / words.total()))
    return found


def ends(table: Table, start: int, places: Collection[int], today: date) -> list[int]:
    """Columns whose moments lie after the begin of their row, by one of a few lengths: ends, or something like it."""
    found = []
    for place in places:
        pairs = [(row[start], row[place]) for row in table.rows if row[start] and row[place]][:_SAMPLE]
        lengths = Counter(_between(first, last, today) for first, last in pairs)
        sound = sum(count for each, count in lengths.items() if each and timedelta(0) < each <= _LONGEST_VISIT)
        if pairs and sound >= _AFTER_SHARE * len(pairs) and len(lengths) <= _LENGTHS:
            found.append(place)
    return found


def clock_ends(table: Table, start: int, places: Iterable[int], today: date) -> list[int]:
    """Columns of times of day that lie after the begin's time of day, by one of a few lengths."""
    found = []
    for place in places:
        pairs = [(row[start], row[place]) for row in table.rows if row[start] and row[place]][:_SAMPLE]
        lengths = Counter(_clock(last, today) - _clock(first, today) for first, last in pairs)
        sound = sum(count for each, count in lengths.items() if 0 < each <= _LONGEST_VISIT.total_seconds())
        if pairs and sound >= _AFTER_SHARE * len(pairs) and len(lengths) <= _LENGTHS:
            found.append(place)
    return found


def _clock(value: str, today: date) -> float:
    """Seconds since midnight; far off where a cell holds no time of day."""
    found = dates.shape(value)
    reads = [dates.parsed(text, value, today) for text in found.formats()] if found else ()
    clock = next((read.clock for read in reads if read and read.clock), None)
    return -1e9 if clock is None else clock.hour * 3600 + clock.minute * 60 + clock.second


def _between(first: str, last: str, today: date) -> timedelta | None:
    """The time between two cells, by the readings that bring them nearest to each other."""
    gaps = [late - early for early in _moments(first, today) for late in _moments(last, today)]
    return min(gaps, key=abs, default=None)


def _moments(value: str, today: date) -> Sequence[datetime]:
    found = dates.shape(value)
    reads = [dates.parsed(text, value, today) for text in found.formats()] if found else []
    return [datetime.combine(read.day, read.clock) for read in reads if read and read.day and read.clock]
