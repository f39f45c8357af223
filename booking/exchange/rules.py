"""What a hospital's rows do to our times: plain values in, plain values out.

Three policies stand behind every line here. Closing wins over opening. What is unknown closes. Rows and slots meet by
overlap of half-open times `[start, end)`, never by equal starts. All moments are aware datetimes.
"""

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from booking.exchange.kinds import AbsenceMeaning, RefusalReason

REASONS_PER_SLOT = 50
"""So many rows are named as the cause of one closing. A slot needs one; a hostile file has a hundred thousand."""

Span = tuple[datetime, datetime]
LengthAt = Callable[[str, datetime], timedelta]
"""How long a visit that begins then with that resource is taken to last, when the row does not say."""


@dataclass(frozen=True, slots=True)
class StagedRow:
    """One row of an export, without personal data.

    Attributes:
        line: the line of the file it begins on, from 1.
        row_key: the hospital's own stable id of the row, where its export has one.
        resource: our code of a practitioner or a room.
        starts_at: UTC.
        ends_at: UTC; None when the file gives none, or none after the start.
        state_text: the hospital's word for the state; empty where it has none.
        closes: whether the time is taken.
        offers: whether the row says that the time is free to book (only a list of free times asks).
        our_code: the code of our own booking, where the export carries it back.
    """

    line: int
    row_key: str | None
    resource: str
    starts_at: datetime
    ends_at: datetime | None
    state_text: str
    closes: bool
    offers: bool = False
    our_code: str | None = None
    marks: tuple[str, ...] = ()  # of the person, under the file's own key (exchange/marks.py); never kept


@dataclass(frozen=True, slots=True)
class Trace:
    """What is still known of a row that cannot be used: it stands in the file, so it is not gone.

    Attributes:
        row_key: its id, or of a row that is torn one that may be; None where the export has no ids.
        resource: our code, where the row tells it.
        starts_at: UTC, likewise.
        lets_go: it says that the visit takes no time of ours any more: called off, or with somebody we do not want.
        state_text: the hospital's word for the state, where that is why it lets go.
        off: it lets go of its resource alone: that one takes no part in the visit any more, and others may.
    """

    row_key: str | None
    resource: str | None = None
    starts_at: datetime | None = None
    lets_go: bool = False
    state_text: str = ""
    off: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used. `facts` quote mapped fields only (a date, a state, a resource), never a person's."""

    line: int
    reason: RefusalReason
    facts: Mapping[str, str | int] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class GridSlot:
    """A time of ours that a row may close. With a practitioner and a room it stands once for each, under one id."""

    id: int
    resource: str
    starts_at: datetime
    ends_at: datetime


def span_of(row: StagedRow, length_at: LengthAt) -> Span:
    """The half-open time a row takes; without a usable end, as long as `length_at` says."""
    if row.ends_at is not None and row.ends_at > row.starts_at:
        return row.starts_at, row.ends_at
    return row.starts_at, row.starts_at + length_at(row.resource, row.starts_at)


def meets(row: StagedRow, span: Span, length_at: LengthAt) -> bool:
    """Whether a row has any of this time."""
    if span[0] <= row.starts_at < span[1]:
        return True
    start, end = span_of(row, length_at)
    return start < span[1] and end > span[0]


def lengths_of(slots: Iterable[GridSlot], fallback_minutes: Mapping[str, int] | None = None) -> LengthAt:
    """Length of the slot that holds the start, else the resource's shortest, else `fallback_minutes` (else 15)."""
    known: dict[str, list[Span]] = defaultdict(list)
    for slot in slots:
        known[slot.resource].append((slot.starts_at, slot.ends_at))
    shortest: dict[str, timedelta] = {}
    for resource, spans in known.items():
        spans.sort()
        shortest[resource] = min(end - start for start, end in spans)

    def length_at(resource: str, moment: datetime) -> timedelta:
        spans = known.get(resource)
        if spans is None:
            return timedelta(minutes=(fallback_minutes or {}).get(resource, 15))
        # The last slot that begins by then; sessions of one resource do not overlap, so no other can hold the moment.
        place = bisect_right(spans, moment, key=lambda span: span[0]) - 1
        if place >= 0 and moment < spans[place][1]:
            return spans[place][1] - spans[place][0]
        return shortest[resource]

    return length_at


def closings(
    rows: Iterable[StagedRow], slots: Sequence[GridSlot], fallback_minutes: Mapping[str, int] | None = None
) -> dict[int, list[StagedRow]]:
    """Slots that closing rows overlap, each with the rows that close it (at most `REASONS_PER_SLOT`, in file order).

    One sweep per resource: rows enter as slots pass their start and leave as slots pass their end.
    """
    closing = [row for row in rows if row.closes]
    return _meet(closing, slots, lengths_of(slots, fallback_minutes))


def _meet(rows: Iterable[StagedRow], slots: Sequence[GridSlot], length_at: LengthAt) -> dict[int, list[StagedRow]]:
    waiting: dict[str, list[tuple[datetime, datetime, int, StagedRow]]] = defaultdict(list)
    for order, row in enumerate(rows):
        start, end = span_of(row, length_at)
        waiting[row.resource].append((start, end, order, row))
    found: dict[int, list[StagedRow]] = {}
    by_resource: dict[str, list[GridSlot]] = defaultdict(list)
    for slot in slots:
        by_resource[slot.resource].append(slot)
    for resource, theirs in by_resource.items():
        if resource in waiting:
            for slot_id, because in _sweep(sorted(waiting[resource]), sorted(theirs, key=lambda slot: slot.starts_at)):
                # A slot stands once for its practitioner and once for its room.
                found[slot_id] = [*found.get(slot_id, ()), *because]
    return found


def _sweep(
    rows: list[tuple[datetime, datetime, int, StagedRow]], slots: list[GridSlot]
) -> Iterable[tuple[int, list[StagedRow]]]:
    """Rows that meet each slot; both sorted by start, all of one resource."""
    active: list[tuple[datetime, int, datetime, StagedRow]] = []
    upcoming = 0
    for slot in slots:
        while upcoming < len(rows) and rows[upcoming][0] < slot.ends_at:
            start, end, order, row = rows[upcoming]
            heapq.heappush(active, (end, order, start, row))
            upcoming += 1
        while active and active[0][0] <= slot.starts_at:
            heapq.heappop(active)
        # A longer slot before this one may have let rows in that begin only after this one.
        meeting = islice(((order, row) for _, order, start, row in active if start < slot.ends_at), REASONS_PER_SLOT)
        because = [row for _, row in sorted(meeting, key=lambda pair: pair[0])]
        if because:
            yield slot.id, because


def not_offered(
    rows: Iterable[StagedRow],
    slots: Sequence[GridSlot],
    window: Span,
    fallback_minutes: Mapping[str, int] | None = None,
) -> set[int]:
    """Slots inside the window that offering rows do not cover from start to end: closed under a list of free times."""
    length_at = lengths_of(slots, fallback_minutes)
    free = merged((row.resource, span_of(row, length_at)) for row in rows if row.offers)
    closed: set[int] = set()
    for slot in slots:
        if not (window[0] <= slot.starts_at < window[1]):
            continue
        spans = free.get(slot.resource, [])
        place = bisect_right(spans, slot.starts_at, key=lambda span: span[0]) - 1
        if place < 0 or spans[place][1] < slot.ends_at:
            closed.add(slot.id)
    return closed


def closed_slots(
    rows: Sequence[StagedRow],
    slots: Sequence[GridSlot],
    *,
    meaning: AbsenceMeaning,
    window: Span | None = None,
    fallback_minutes: Mapping[str, int] | None = None,
) -> set[int]:
    """Every slot an export closes by itself: by a row, or under a list of free times by the want of one.

    `slots` must be those of the feed's mapped resources only; a list of free times needs its `window`.
    """
    closed = set(closings(rows, slots, fallback_minutes))
    if meaning is AbsenceMeaning.FREE_LIST:
        if window is None:
            raise ValueError("a list of free times needs a window")
        closed |= not_offered(rows, slots, window, fallback_minutes)
    return closed


def identities(rows: Iterable[StagedRow]) -> list[str]:
    """One key per row under which its state is kept, in the order of the rows.

    The hospital's own key where there is one; else resource and start. What comes again under a key gets `#2`, `#3`:
    every row counts, and closing wins.
    """
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for row in rows:
        key = row.row_key or f"{row.resource}@{row.starts_at:%Y-%m-%dT%H:%MZ}"
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return keys


def gone(
    previous: Mapping[str, datetime], current: Collection[str], *, meaning: AbsenceMeaning, window: Span | None
) -> set[str]:
    """Row keys seen before that this file takes back by not listing them.

    `previous` maps each known key to its start. Only a full snapshot takes back, and only what began inside its window:
    most exports list by the begin, so of a row that began before it and reaches into it nothing is said. From any other
    file a missing row may mean a search filter, a row limit or half a file.
    """
    if meaning is not AbsenceMeaning.FULL_SNAPSHOT or window is None:
        return set()
    return {key for key, start in previous.items() if key not in current and window[0] <= start < window[1]}


def merged(spans: Iterable[tuple[str, Span]]) -> dict[str, list[Span]]:
    """Per resource the union of the times, sorted; times that touch become one."""
    loose: dict[str, list[Span]] = defaultdict(list)
    for resource, span in spans:
        loose[resource].append(span)
    joined: dict[str, list[Span]] = {}
    for resource, theirs in loose.items():
        theirs.sort()
        joined[resource] = result = [theirs[0]]
        for start, end in theirs[1:]:
            if start <= result[-1][1]:
                result[-1] = (result[-1][0], max(result[-1][1], end))
            else:
                result.append((start, end))
    return joined


def busy_intervals(rows: Iterable[StagedRow], length_at: LengthAt) -> dict[str, list[Span]]:
    """Per resource the times that closing rows take, merged and sorted: what an export closes, without a calendar."""
    return merged((row.resource, span_of(row, length_at)) for row in rows if row.closes)


def outside_hours(rows: Iterable[StagedRow], hours: Mapping[str, Sequence[Span]]) -> tuple[int, int]:
    """How many starts can be compared with the sessions' hours, and how many of those lie outside them.

    `hours` are sorted spans per resource that do not overlap. A start before the first or after the last span of its
    resource is not compared: there the calendar says nothing.
    """
    compared = outside = 0
    for row in rows:
        spans = hours.get(row.resource)
        if not spans or not (spans[0][0] <= row.starts_at < spans[-1][1]):
            continue
        compared += 1
        place = bisect_right(spans, row.starts_at, key=lambda span: span[0]) - 1
        outside += row.starts_at >= spans[place][1]
    return compared, outside
