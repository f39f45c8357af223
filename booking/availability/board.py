"""The timetable as staff see it: months, days, weeks. Frozen views."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.effect import Picture, pictures
from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Session, SessionChange, Slot, SlotClosure, WeeklySession
from booking.availability.rules import Calendar, DayRule, Weekly
from booking.directory.errors import EntryUnknown
from booking.directory.models import Practitioner, Room, Service


@dataclass(frozen=True, slots=True)
class WeeklyView:
    """A weekly session with the names of what it is made of."""

    row: WeeklySession
    service: Service
    practitioner: Practitioner | None
    room: Room | None

    @property
    def rule(self) -> Weekly:
        """Its times."""
        row = self.row
        return Weekly(
            id=row.id or 0, facility_id=row.facility_id, weekday=row.weekday, starts=row.starts, ends=row.ends,
            slot_minutes=row.slot_minutes, valid_from=row.valid_from, valid_to=row.valid_to, capacity=row.capacity,
            reserved=row.reserved,
        )  # fmt: skip

    @property
    def places(self) -> int:
        """Places of one day."""
        minutes = (self.row.ends.hour - self.row.starts.hour) * 60 + self.row.ends.minute - self.row.starts.minute
        return minutes // self.row.slot_minutes * self.row.capacity


@dataclass(frozen=True, slots=True)
class DaySum:
    """A day of a month. `places` one can come to, how many are `taken`, what is closed and for which reasons."""

    day: date
    sessions: int
    slots: int
    places: int
    taken: int
    closed: int
    excess: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotView:
    """A time of a session, with the reasons for which it is closed: source and reason."""

    id: int
    starts_at: datetime
    ends_at: datetime
    open: bool
    capacity: int
    reserved: int
    reserved_used: int
    taken: int
    wanted: int
    closures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session of a day: what it is like in every week, how it is on this day alone, and its times."""

    weekly: WeeklyView
    change: SessionChange | None
    slots: tuple[SlotView, ...]

    @property
    def held(self) -> bool:
        """Whether it takes place, the calendar aside."""
        return self.change is None or self.change.held

    @property
    def places(self) -> int:
        """Places one can come to."""
        return sum(slot.capacity if slot.open else slot.taken for slot in self.slots)

    @property
    def taken(self) -> int:
        """Places taken, by people who are still typing too."""
        return sum(slot.taken for slot in self.slots)


_WEEKLY: Any = (
    select(WeeklySession, Service, Practitioner, Room)
    .join(Service, col(Service.id) == col(WeeklySession.service_id))
    .outerjoin(Practitioner, col(Practitioner.id) == col(WeeklySession.practitioner_id))
    .outerjoin(Room, col(Room.id) == col(WeeklySession.room_id))
    .order_by(col(WeeklySession.weekday), col(WeeklySession.starts), col(Service.sort_key), col(WeeklySession.id))
)


async def weekly_sessions(session: AsyncSession, facility_id: int, *, today: date) -> list[WeeklyView]:
    """Those that take place, today or later."""
    lasting = or_(col(WeeklySession.valid_to).is_(None), col(WeeklySession.valid_to) >= today)
    query = _WEEKLY.where(col(WeeklySession.facility_id) == facility_id, lasting)
    found = [WeeklyView(*row) for row in await session.execute(query)]
    return [each for each in found if each.row.valid_to is None or each.row.valid_to >= each.row.valid_from]


async def weekly_session(session: AsyncSession, facility_id: int, weekly: int) -> WeeklyView:
    """One of them; EntryUnknown where the facility has none of this number."""
    query = _WEEKLY.where(col(WeeklySession.facility_id) == facility_id, col(WeeklySession.id) == weekly)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise EntryUnknown
    return WeeklyView(*row)


async def change_of(session: AsyncSession, weekly: int, day: date) -> SessionChange | None:
    """How a weekly session is on one day alone."""
    query = select(SessionChange).where(col(SessionChange.weekly_session_id) == weekly, col(SessionChange.day) == day)
    return (await session.scalars(query)).one_or_none()


async def special_days(session: AsyncSession, facility_id: int | None, first: date, last: date) -> list[CalendarDay]:
    """What is not as its weekday says, everybody's days and the facility's own, in order; its own come after."""
    query = (
        select(CalendarDay)
        .where(col(CalendarDay.day).between(first, last))
        .where(or_(col(CalendarDay.facility_id).is_(None), col(CalendarDay.facility_id) == facility_id))
        .order_by(col(CalendarDay.day), col(CalendarDay.facility_id).nulls_first())
    )
    return list((await session.scalars(query)).all())


async def special_day(session: AsyncSession, facility_id: int | None, day: date) -> CalendarDay | None:
    """The word of the facility itself (or, for None, of all) on a day."""
    mine = col(CalendarDay.facility_id).is_not_distinct_from(facility_id)
    return (await session.scalars(select(CalendarDay).where(mine, col(CalendarDay.day) == day))).one_or_none()


def calendar_of(days: Iterable[CalendarDay]) -> Calendar:
    """Days as the rules take them."""
    return Calendar({(row.facility_id, row.day): DayRule(row.kind, row.works_as) for row in days})


async def month(session: AsyncSession, facility_id: int, first: date, last: date) -> dict[date, DaySum]:
    """The days from `first` to `last`, both included, that have slots."""
    slots = await _slots(session, facility_id, first, last)
    days: dict[date, list[tuple[int, SlotView]]] = defaultdict(list)
    for day, weekly, slot in slots:
        days[day].append((weekly, slot))
    return {day: _sum(day, found) for day, found in days.items()}


def _sum(day: date, found: list[tuple[int, SlotView]]) -> DaySum:
    slots = [slot for _, slot in found]
    reasons = {reason for slot in slots if not slot.open for _, reason in slot.closures}
    return DaySum(
        day=day,
        sessions=len({weekly for weekly, slot in found if slot.open or slot.taken}),
        slots=len(slots),
        places=sum(slot.capacity if slot.open else slot.taken for slot in slots),
        taken=sum(slot.taken for slot in slots),
        closed=sum(not slot.open for slot in slots),
        excess=sum(slot.taken for slot in slots if not slot.open),
        reasons=tuple(sorted(reasons)),
    )


async def day_sessions(session: AsyncSession, facility_id: int, day: date) -> list[SessionView]:
    """The sessions of a day: those that have times, and those the weekly timetable would have (published or not)."""
    slots: dict[int, list[SlotView]] = defaultdict(list)
    for _, weekly, slot in await _slots(session, facility_id, day, day):
        slots[weekly].append(slot)
    calendar = calendar_of(await special_days(session, facility_id, day, day))
    works_as = calendar.works_as(facility_id, day)
    query = _WEEKLY.where(col(WeeklySession.facility_id) == facility_id)
    views = [WeeklyView(*row) for row in await session.execute(query)]
    mine = [view for view in views if view.row.id in slots or view.rule.runs(day, works_as)]
    changes = await session.scalars(
        select(SessionChange).where(
            col(SessionChange.day) == day, col(SessionChange.weekly_session_id).in_([view.row.id for view in mine])
        )
    )
    changed = {row.weekly_session_id: row for row in changes}
    shown = [SessionView(view, changed.get(view.row.id or 0), tuple(slots.get(view.row.id or 0, ()))) for view in mine]
    # One that was moved to another weekday leaves closed times behind; without people in them they tell nobody a thing.
    return [each for each in shown if each.weekly.rule.runs(day, works_as) or each.taken]


async def _slots(session: AsyncSession, facility_id: int, first: date, last: date) -> list[tuple[date, int, SlotView]]:
    query: Any = (
        select(
            col(Session.day), col(Session.weekly_session_id), col(Slot.id), col(Slot.starts_at), col(Slot.ends_at),
            col(Slot.open), col(Slot.capacity), col(Slot.reserved), col(Slot.reserved_used), col(Slot.taken),
            func.coalesce(col(SessionChange.capacity), col(WeeklySession.capacity)),
        )
        .join(Session, col(Session.id) == col(Slot.session_id))
        .join(WeeklySession, col(WeeklySession.id) == col(Session.weekly_session_id))
        .outerjoin(
            SessionChange,
            (col(SessionChange.weekly_session_id) == col(WeeklySession.id))
            & (col(SessionChange.day) == col(Session.day)),
        )
        .where(col(Session.facility_id) == facility_id, col(Session.day).between(first, last))
        .order_by(col(Slot.starts_at), col(Slot.id))
    )  # fmt: skip
    rows = (await session.execute(query)).all()
    closures: dict[int, list[tuple[str, str]]] = defaultdict(list)
    shut = [row[2] for row in rows if not row[5]]
    for slot_id, source, reason in await session.execute(
        select(col(SlotClosure.slot_id), col(SlotClosure.source), col(SlotClosure.reason))
        .where(col(SlotClosure.slot_id).in_(shut))
        .order_by(col(SlotClosure.source))
    ):
        closures[slot_id].append((source, reason))
    return [(row[0], row[1], SlotView(*(*row[2:], tuple(closures[row[2]])))) for row in rows]


async def to_move(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Picture]:
    """The times to come that are closed, or have fewer places than people, and hold anybody."""
    found = await pictures(session, facility_id, now=now)
    return sorted(
        (slot for slot in found.values() if slot.excess > 0 and slot.starts_at > now),
        key=lambda slot: (slot.starts_at, slot.id),
    )


OFF = (DayKind.HOLIDAY, DayKind.SUBSTITUTED_DAY_OFF, DayKind.LOCAL_CLOSURE)
"""Kinds of days on which nobody works."""
