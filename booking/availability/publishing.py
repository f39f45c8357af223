"""How weekly sessions become session and slot rows: plan the days, compare with what is there, write the difference.

What a weekly session is for, who holds it and where never changes in its row: such a change ends it (`valid_to`) and
begins another. Its hours and the length of its slots may change; times it no longer has are closed, and people already
promised them keep them: a slot that holds anybody is neither moved nor given another end.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability import bulk, closing, rows
from booking.availability.commands import PublishSlots
from booking.availability.models import CalendarDay
from booking.availability.rows import Key, Offer, PlannedSlot, Resource, Standing
from booking.availability.rules import (
    CALENDAR,
    CAPACITY,
    CROWDED,
    TIMETABLE,
    TOO_MANY,
    Calendar,
    Changes,
    DayRule,
    Span,
    cut_slots,
    days_between,
    last_published,
    reason_to_close,
    sessions_on,
)
from booking.clock import ZONE, local_day
from booking.directory import queries as directory
from booking.directory.models import Facility

_ALONE = select(func.pg_advisory_xact_lock(0x5075626C697368))  # "Publish": one run at a time, whoever starts it


@dataclass(frozen=True, slots=True)
class Published:
    """What one run did: rows made, slots closed and opened again, slots whose end moved, or places, or limits."""

    sessions: int = 0
    slots: int = 0
    closed: int = 0
    opened: int = 0
    resized: int = 0
    adjusted: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """All counts by name."""
        return asdict(self)

    def __add__(self, other: "Published") -> "Published":
        """What two runs did together."""
        return Published(*map(sum, zip(self.counts().values(), other.counts().values(), strict=True)))


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot that is there and has not begun, and whether the weekly sessions still have it."""

    slot: Standing
    planned: PlannedSlot | None

    @property
    def resized(self) -> bool:
        """Whether it ends at another time now. Its start is its name, so it stays the same slot."""
        return self.planned is not None and self.planned.span[1] != self.slot.ends_at

    @property
    def adjusted(self) -> bool:
        """Whether it is to have other places, or to be booked at other times, than it has now."""
        return self.planned is not None and self.planned.terms != self.slot.terms

    def kept(self, taken: Mapping[int, int]) -> bool:
        """Whether it stays as it is though it is planned otherwise: it holds people, who were told when it ends."""
        return (self.planned is None or self.resized) and taken[self.slot.id] > 0

    def span(self, taken: Mapping[int, int]) -> Span:
        """From when to when it will be."""
        if self.planned is None or self.kept(taken):
            return self.slot.starts_at, self.slot.ends_at
        return self.planned.span


async def alone(session: AsyncSession) -> None:
    """Wait until nobody publishes, and let nobody until the transaction ends: for whoever takes slots away first."""
    await session.execute(_ALONE)


async def run(session: AsyncSession, command: PublishSlots, *, now: datetime) -> Published:
    """Do what `service.publish` says; see there."""
    await alone(session)
    facility_id = await _facility_id(session, command.facility)
    today = local_day(now)
    last = last_published(today, command.horizon_days)
    standing = await rows.standing(session, facility_id, since=today)
    calendar = await _calendar(session, since=today)
    # Slots beyond the horizon (it may have been longer once) are judged too, but none are made there.
    until = max([last, *(slot.day for slot in standing)])
    changes = await rows.changes(session, facility_id, since=today)
    planned = _plan(await rows.offers(session, facility_id), calendar, changes, today, until)
    coming = [Coming(slot, planned.get(slot.key)) for slot in standing if slot.starts_at > now]
    known = {slot.key for slot in standing}
    fresh = [
        slot for key, slot in planned.items() if key not in known and slot.session.day <= last and slot.span[0] > now
    ]
    promised, settled, (resized, adjusted) = await _judge(session, coming, calendar, now=now)
    moved = [each.planned for each in coming if each.planned and each.planned.session.hours != each.slot.hours]
    sessions = await bulk.put_sessions(session, [*moved, *fresh])
    made = await _make(session, fresh, promised, now=now)
    return Published(sessions, made, len(settled.closed), len(settled.opened), resized, adjusted)


async def _facility_id(session: AsyncSession, code: str | None) -> int | None:
    if code is None:
        return None
    await directory.facility(session, code, at_desk=True)
    return await session.scalar(select(col(Facility.id)).where(col(Facility.code) == code))


async def _calendar(session: AsyncSession, *, since: date) -> Calendar:
    query = select(
        col(CalendarDay.facility_id), col(CalendarDay.day), col(CalendarDay.kind), col(CalendarDay.works_as)
    ).where(col(CalendarDay.day) >= since)
    found = await session.execute(query)
    return Calendar({(facility_id, day): DayRule(kind, works_as) for facility_id, day, kind, works_as in found})


def _plan(
    offers: Mapping[int, Offer], calendar: Calendar, changes: Changes, first: date, last: date
) -> dict[Key, PlannedSlot]:
    weekly = [offer.weekly for offer in offers.values()]
    planned: dict[Key, PlannedSlot] = {}
    for day in days_between(first, last):
        for each in sessions_on(day, weekly, calendar, ZONE, changes):
            offer = offers[each.weekly_id]
            for span in cut_slots(each):
                planned[each.weekly_id, day, span[0]] = PlannedSlot(offer, each, span)
    return planned


class Promised:
    """Times that are planned no longer, or with another end, but hold people; by resource and day."""

    def __init__(self, kept: Iterable[Standing]) -> None:
        self._slots: dict[tuple[Resource, date], list[Standing]] = defaultdict(list)
        for slot in kept:
            self._slots[slot.resource, slot.day].append(slot)

    def meet(self, resource: Resource, day: date, span: Span, *, itself: int | None = None) -> bool:
        """Whether one of them, but not the slot `itself`, overlaps a time of the same practitioner or room."""
        start, end = span
        near = self._slots.get((resource, day), ())
        return any(slot.id != itself and slot.starts_at < end and start < slot.ends_at for slot in near)


async def _judge(
    session: AsyncSession, coming: Collection[Coming], calendar: Calendar, *, now: datetime
) -> tuple[Promised, closing.Settled, tuple[int, int]]:
    """Close what is planned no longer and open what is again; the rows that matter are locked first.

    The last two numbers: slots with another end, and slots with other places or limits.
    """
    changed = [each for each in coming if each.planned is None or each.resized]
    # As if each of them held people: whether they do is known under the lock only.
    near = Promised(each.slot for each in changed)
    closed = await rows.closed_by_us(session, {each.slot.id for each in coming})
    weighed = [
        each
        for each in coming
        if each.planned is None
        or each.slot.id in closed
        or each.resized
        or each.adjusted
        or near.meet(each.slot.resource, each.slot.day, each.planned.span)
    ]
    taken = await closing.lock(session, (each.slot.id for each in weighed))
    promised = Promised(each.slot for each in changed if each.kept(taken))
    wanted = _reasons(weighed, calendar, promised, taken)
    settled = await closing.settle(session, within={each.slot.id for each in weighed}, wanted=wanted, now=now)
    ends = {each.slot.id: each.span(taken)[1] for each in weighed if each.resized and not each.kept(taken)}
    resized = await bulk.put_ends(session, ends)
    terms = {each.slot.id: each.planned.terms for each in weighed if each.planned and each.adjusted}
    return promised, settled, (resized, await bulk.put_terms(session, terms))


def _reasons(
    weighed: Iterable[Coming], calendar: Calendar, promised: Promised, taken: Mapping[int, int]
) -> dict[str, dict[int, str]]:
    """What is to be closed, by source and slot, and why."""
    wanted: dict[str, dict[int, str]] = {CALENDAR: {}, TIMETABLE: {}, CAPACITY: {}}
    for each in weighed:
        slot = each.slot
        reason = reason_to_close(
            calendar.off(slot.facility_id, slot.day),
            planned=each.planned is not None,
            crowded=promised.meet(slot.resource, slot.day, each.span(taken), itself=slot.id),
        )
        if reason:
            wanted[reason.source][slot.id] = reason.reason
        if each.planned and taken[slot.id] > each.planned.session.capacity:
            wanted[TOO_MANY.source][slot.id] = TOO_MANY.reason
    return wanted


async def _make(session: AsyncSession, fresh: Iterable[PlannedSlot], promised: Promised, *, now: datetime) -> int:
    """Insert slots; those that overlap a promised time are born closed."""
    crowded = {slot.key for slot in fresh if promised.meet(slot.offer.resource, slot.session.day, slot.span)}
    made = await bulk.put_slots(session, fresh, closed=crowded)
    born_closed = {row_id for row_id, is_open in made if not is_open}
    if born_closed:
        reasons = dict.fromkeys(born_closed, CROWDED.reason)
        await closing.settle(session, within=born_closed, wanted={TIMETABLE: reasons}, now=now)
    return len(made)
