"""Our own bookings, known again when they come back in a hospital's export: plain values in, plain values out.

A row that is our own booking at its own time, or a quarter of an hour before it, takes no place, because the booking
has it already. The same booking at another time is two truths about one visit: the row takes that time, and staff are
told.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from booking.exchange.kinds import AbsenceMeaning, ClashKind
from booking.exchange.marks import marks_of
from booking.exchange.rules import StagedRow

MISSING: Final = "\x1fmissing"
"""The state of a row that a snapshot had, and its newest has not. No hospital's state holds such a sign."""

EARLY: Final = timedelta(minutes=15)
"""So much before our visit its row may begin: many programs write down when to be there, not when it is one's turn."""

STALE_FOR: Final = timedelta(days=1)
"""So long a hospital may still show a booking at the time it was moved away from, or that was cancelled."""


@dataclass(frozen=True, slots=True)
class OurVisit:
    """A booking of ours that rows name.

    Attributes:
        id: of its row.
        code: the booking code.
        slot_id: its slot.
        live: it is to come: somebody counts on it.
        holds: it has its place; else it was cancelled.
        starts_at: of its slot, UTC.
        ends_at: likewise.
        resources: codes of its practitioner and room.
        been: where it began before it was moved, as far as the hospital may not know of that yet.
        unheard: it was cancelled, and the hospital may not know of that yet.
    """

    id: int
    code: str
    slot_id: int
    live: bool
    holds: bool
    starts_at: datetime
    ends_at: datetime
    resources: frozenset[str]
    been: frozenset[datetime] = frozenset()
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class OurClash:
    """What the hospital's software says of a booking of ours that it knows: not what we say."""

    kind: ClashKind
    slot_id: int
    row_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Rows, our own known among them.

    Attributes:
        rows: as they count: our own at its own time takes nothing.
        own: how many were our own.
        clashes: by the booking's row.
    """

    rows: Mapping[str, StagedRow]
    own: int = 0
    clashes: Mapping[int, OurClash] = field(default_factory=dict)


def recognise(rows: Mapping[str, StagedRow], ours: Mapping[str, OurVisit], meaning: AbsenceMeaning) -> Known:
    """Which rows are bookings of ours, and what they say of them."""
    if not ours:
        return Known(rows)
    counted = dict(rows)
    seen: dict[int, _Seen] = defaultdict(_Seen)
    for key, row in rows.items():
        visit = ours.get(row.our_code) if row.our_code else None
        if visit is not None and (visit.holds or visit.unheard):  # off for long, a row of it is as any other
            counted[key] = _counted(key, row, visit, seen[visit.id], meaning)
    by_id = {visit.id: visit for visit in ours.values()}
    clashes = {row_id: clash for row_id, found in seen.items() if (clash := found.clash(by_id[row_id])) is not None}
    return Known(counted, sum(len(found.places) for found in seen.values()), clashes)


@dataclass(slots=True)
class _Seen:
    """What rows say of one visit: keys by what they say, and the resources at which it was found where it is."""

    places: set[str] = field(default_factory=set)
    elsewhere: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def clash(self, visit: OurVisit) -> OurClash | None:
        """The first that holds; where the visit stands as we say, nothing else matters."""
        if self.places or not visit.live:
            return None
        said = ((ClashKind.MOVED, self.elsewhere), (ClashKind.RELEASED, self.off), (ClashKind.MISSING, self.missing))
        found = next(((kind, keys) for kind, keys in said if keys), None)
        if found is None:
            return None
        kind, keys = found
        return OurClash(kind, visit.slot_id, () if kind is ClashKind.MISSING else tuple(keys))


def _counted(key: str, row: StagedRow, visit: OurVisit, seen: _Seen, meaning: AbsenceMeaning) -> StagedRow:
    """The row as it counts; what it says is noted."""
    begin = visit.starts_at if row.starts_at in visit.been else visit.starts_at - EARLY
    here = row.resource in visit.resources and begin <= row.starts_at < visit.ends_at
    if row.state_text == MISSING:
        if here:
            seen.missing.append(key)
        return row
    if here and not row.closes:
        seen.off.append(key)
        return row
    if here:
        if row.resource in seen.places:
            return row  # twice under one code: one of them is somebody else's
        seen.places.add(row.resource)
        return _without_place(row, visit, meaning)
    if row.closes and row.starts_at in visit.been:
        return replace(row, closes=False)
    if row.closes and visit.holds:
        seen.elsewhere.append(key)
    return row


def _without_place(row: StagedRow, visit: OurVisit, meaning: AbsenceMeaning) -> StagedRow:
    """It takes what lies beyond the visit's own time, and nothing else.

    What lies before that is the time to be there. A row that is over before the visit begins is another matter: it is
    known, and it takes its time, because the hospital may have moved the visit to a slot of a few minutes before.
    Where only free times are listed, the time of our own booking is not offered because the booking is there.
    """
    if _over_before(row, visit):
        return row
    if row.ends_at is not None and row.ends_at > visit.ends_at:
        return replace(row, starts_at=visit.ends_at)
    return replace(row, closes=False, offers=meaning is AbsenceMeaning.FREE_LIST)


def _over_before(row: StagedRow, visit: OurVisit) -> bool:
    """Whether nothing of a row lies in the visit's time; one without an end lasts as long as the visit."""
    return (row.ends_at or row.starts_at + (visit.ends_at - visit.starts_at)) <= visit.starts_at


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit of ours that a row without our code may be, and the personal values by which that is seen."""

    code: str
    resources: frozenset[str]
    starts_at: datetime
    person: Mapping[str, str]


def by_marks(rows: Iterable[StagedRow], candidates: Iterable[Candidate], key: bytes) -> list[StagedRow]:
    """The rows with our code where resource, time and a mark are those of a visit of ours; their marks are forgotten.

    A visit is one row's at each of its resources: of a family under one telephone each takes one.
    """
    waiting: dict[tuple[str, datetime], list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for visit in candidates:
        marks = frozenset(marks_of(visit.person, key))
        for resource in visit.resources:
            waiting[resource, visit.starts_at].append((visit.code, marks))
    return [_named(row, waiting.get((row.resource, row.starts_at), [])) for row in rows]


def _named(row: StagedRow, waiting: list[tuple[str, frozenset[str]]]) -> StagedRow:
    if not row.marks:
        return row
    found = None
    if row.our_code is None and row.closes:
        found = next((each for each in waiting if not each[1].isdisjoint(row.marks)), None)
    if found is not None:
        waiting.remove(found)
    return replace(row, marks=(), our_code=found[0] if found else row.our_code)
