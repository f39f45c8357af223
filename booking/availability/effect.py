"""What a change of the timetable does to the slots of the coming days: their picture before, their picture after."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.models import Session, SessionChange, Slot, SlotClosure, WeeklySession
from booking.availability.rules import CAPACITY
from booking.clock import day_bounds, local_day

BUSY, FULL = 50, 65
"""Visits in one room on one day above which staff are warned: once, and once more."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A slot as it stands. `wanted` places are those the timetable gives it; it has more while more are taken."""

    id: int
    facility_id: int
    service_id: int
    session_id: int
    room_id: int | None
    day: date
    starts_at: datetime
    ends_at: datetime
    open: bool
    capacity: int
    reserved: int
    bookable_from: datetime
    bookable_until: datetime
    taken: int
    wanted: int
    sources: frozenset[str] = frozenset()

    @property
    def excess(self) -> int:
        """Places taken that are not to be there: those above what is wanted, or all where the time is closed."""
        if self.open:
            return 0
        return self.taken - self.wanted if self.sources == {CAPACITY} else self.taken

    @property
    def places(self) -> int:
        """Places one can come to: what is taken, and what else is open."""
        return self.capacity if self.open else self.taken


async def pictures(session: AsyncSession, facility_id: int | None, *, now: datetime) -> dict[int, Picture]:
    """The slots of a facility, or of all, from today on."""
    today = day_bounds(local_day(now))[0]
    listed: Any = func.array_agg(col(SlotClosure.source), type_=ARRAY(Text))
    sources = select(listed).where(col(SlotClosure.slot_id) == col(Slot.id)).correlate(Slot).scalar_subquery()
    query: Any = (
        select(
            col(Slot.id), col(Slot.facility_id), col(Slot.service_id), col(Slot.session_id), col(Slot.room_id),
            col(Session.day), col(Slot.starts_at), col(Slot.ends_at), col(Slot.open), col(Slot.capacity),
            col(Slot.reserved), col(Slot.bookable_from), col(Slot.bookable_until), col(Slot.taken),
            func.coalesce(col(SessionChange.capacity), col(WeeklySession.capacity)),
            sources,
        )
        .join(Session, col(Session.id) == col(Slot.session_id))
        .join(WeeklySession, col(WeeklySession.id) == col(Session.weekly_session_id))
        .outerjoin(
            SessionChange,
            (col(SessionChange.weekly_session_id) == col(WeeklySession.id))
            & (col(SessionChange.day) == col(Session.day)),
        )
        .where(col(Slot.starts_at) >= today)
    )  # fmt: skip
    if facility_id is not None:
        query = query.where(col(Slot.facility_id) == facility_id)
    return {row[0]: Picture(*(*row[:-1], frozenset(row[-1] or ()))) for row in await session.execute(query)}


@dataclass(slots=True)
class DayEffect:
    """What happens on one day: how many slots, how many places before and after."""

    day: date
    added: int = 0
    closed: int = 0
    opened: int = 0
    changed: int = 0
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class RoomDay:
    """A room with many visits on a day."""

    room_id: int
    day: date
    places: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does.

    Attributes:
        days: those on which anything is otherwise, in order.
        shut: slots that were open and are not any more, or that have more people now than they are to have, by id.
        grown: rooms and days that have more places now than before.
    """

    days: tuple[DayEffect, ...] = ()
    shut: Mapping[int, Picture] = field(default_factory=dict)
    grown: tuple[RoomDay, ...] = ()

    @property
    def crowded(self) -> tuple[RoomDay, ...]:
        """Those of them with more than 50 places."""
        return tuple(each for each in self.grown if each.places > BUSY)

    @property
    def nothing(self) -> bool:
        """Whether no slot is otherwise."""
        return not self.days

    def plain(self) -> list[list[object]]:
        """Its days as plain values, to compare what was shown with what happens."""
        return [[d.day.isoformat(), d.added, d.closed, d.opened, d.changed, d.before, d.after] for d in self.days]


def effect_of(before: Mapping[int, Picture], after: Mapping[int, Picture]) -> Effect:
    """What is otherwise. Slots are never deleted, so each that was there still is; who books meanwhile is no effect."""
    days: dict[date, DayEffect] = {}
    for slot_id, new in after.items():
        old = before.get(slot_id)
        what = _what(old, new)
        if what:
            day = days.setdefault(new.day, DayEffect(new.day))
            setattr(day, what, getattr(day, what) + 1)
    for which, name in ((before, "before"), (after, "after")):
        for slot in which.values():
            if slot.day in days:
                setattr(days[slot.day], name, getattr(days[slot.day], name) + slot.places)
    shut = {
        slot_id: new for slot_id, new in after.items() if not new.open and (slot_id in before and before[slot_id].open)
    }
    was, is_now = loads(before.values()), loads(after.values())
    grown = tuple(
        RoomDay(room, day, places)
        for (room, day), places in sorted(is_now.items(), key=lambda item: (item[0][1], item[0][0]))
        if places > was.get((room, day), 0)
    )
    return Effect(tuple(days[day] for day in sorted(days)), shut, grown)


def _what(old: Picture | None, new: Picture) -> str:
    if old is None:
        return "added" if new.open else "changed"
    if old.open != new.open:
        return "opened" if new.open else "closed"
    same = (old.ends_at, old.capacity, old.reserved, old.bookable_from, old.bookable_until) == (
        new.ends_at, new.capacity, new.reserved, new.bookable_from, new.bookable_until
    )  # fmt: skip
    if CAPACITY in old.sources and CAPACITY in new.sources:
        same = same and old.wanted == new.wanted  # as many people as before, but more of them too many
    return "" if same or not (old.open or old.taken) else "changed"


def loads(slots: Iterable[Picture]) -> dict[tuple[int, date], int]:
    """Places by room and day."""
    found: dict[tuple[int, date], int] = defaultdict(int)
    for slot in slots:
        if slot.room_id is not None:
            found[slot.room_id, slot.day] += slot.places
    return dict(found)
