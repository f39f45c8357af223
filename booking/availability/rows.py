"""What publishing reads: weekly sessions as offers, and the slots that are there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.models import Session, SessionChange, Slot, SlotClosure, WeeklySession
from booking.availability.rules import CALENDAR, CAPACITY, TIMETABLE, DaySession, Limits, Span, Terms, Weekly, limits
from booking.clock import ZONE
from booking.directory.models import Service

Resource = tuple[str, int]
"""Who or what can serve one visit at a time: a practitioner, else a room, else the service as a whole."""

Key = tuple[int, date, datetime]
"""What names a slot: weekly session, day, start."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A weekly session with all its slots are made of."""

    weekly: Weekly
    service_id: int
    practitioner_id: int | None
    room_id: int | None
    release_minutes: int
    horizon_days: int
    lead_minutes: int

    @property
    def resource(self) -> Resource:
        """See `Resource`."""
        return resource_of(self.service_id, self.practitioner_id, self.room_id)

    def limits(self, day: date, span: Span) -> Limits:
        """When a slot of this session can be booked."""
        return limits(
            span,
            day,
            horizon_days=self.horizon_days,
            lead_minutes=self.lead_minutes,
            release_minutes=self.release_minutes,
            zone=ZONE,
        )


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot the weekly sessions ask for."""

    offer: Offer
    session: DaySession
    span: Span

    @property
    def key(self) -> Key:
        """See `Key`."""
        return self.offer.weekly.id, self.session.day, self.span[0]

    @property
    def terms(self) -> "SlotTerms":
        """Its places, and when they can be booked."""
        return SlotTerms(self.session.capacity, self.session.reserved, self.offer.limits(self.session.day, self.span))


@dataclass(frozen=True, slots=True)
class SlotTerms:
    """Places of a slot, those of them kept for walk-ins, and when they can be booked."""

    capacity: int
    reserved: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Standing:
    """A slot that is there."""

    id: int
    facility_id: int
    key: Key
    resource: Resource
    ends_at: datetime
    hours: Span
    """From when to when its session is."""
    terms: SlotTerms

    @property
    def day(self) -> date:
        """The local day of its session."""
        return self.key[1]

    @property
    def starts_at(self) -> datetime:
        """UTC."""
        return self.key[2]


def resource_of(service_id: int, practitioner_id: int | None, room_id: int | None) -> Resource:
    """See `Resource`."""
    if practitioner_id is not None:
        return "practitioner", practitioner_id
    return ("room", room_id) if room_id is not None else ("service", service_id)


async def offers(session: AsyncSession, facility_id: int | None) -> dict[int, Offer]:
    """The weekly sessions of a facility, or of all, by id."""
    query = select(WeeklySession, col(Service.horizon_days), col(Service.lead_minutes)).join(
        Service, col(Service.id) == col(WeeklySession.service_id)
    )
    if facility_id is not None:
        query = query.where(col(WeeklySession.facility_id) == facility_id)
    found = await session.execute(query.order_by(col(WeeklySession.id)))
    return {row.id: _offer(row, row.id, horizon, lead) for row, horizon, lead in found if row.id is not None}


def _offer(row: WeeklySession, row_id: int, horizon_days: int, lead_minutes: int) -> Offer:
    return Offer(
        weekly=Weekly(
            id=row_id,
            facility_id=row.facility_id,
            weekday=row.weekday,
            starts=row.starts,
            ends=row.ends,
            slot_minutes=row.slot_minutes,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            capacity=row.capacity,
            reserved=row.reserved,
        ),
        service_id=row.service_id,
        practitioner_id=row.practitioner_id,
        room_id=row.room_id,
        release_minutes=row.release_minutes,
        horizon_days=horizon_days,
        lead_minutes=lead_minutes,
    )


async def standing(session: AsyncSession, facility_id: int | None, *, since: date) -> list[Standing]:
    """The slots that are there, from a local day on."""
    query = (
        select(
            col(Slot.id),
            col(Slot.facility_id),
            col(Session.weekly_session_id),
            col(Session.day),
            col(Slot.starts_at),
            col(Slot.ends_at),
            col(Slot.service_id),
            col(Slot.practitioner_id),
            col(Slot.room_id),
            col(Session.starts_at),
            col(Session.ends_at),
            col(Slot.capacity),
            col(Slot.reserved),
            col(Slot.bookable_from),
            col(Slot.bookable_until),
            col(Slot.release_at),
        )
        .join(Session, col(Session.id) == col(Slot.session_id))
        .where(col(Session.day) >= since)
    )
    if facility_id is not None:
        query = query.where(col(Session.facility_id) == facility_id)
    found = await session.execute(query)
    return [_standing(row) for row in found]


def _standing(row: Any) -> Standing:
    row_id, place, weekly, day, start, end, service, practitioner, room, begins, ends, capacity, reserved, *when = row
    resource = resource_of(service, practitioner, room)
    terms = SlotTerms(capacity, reserved, Limits(*when))
    return Standing(row_id, place, (weekly, day, start), resource, end, (begins, ends), terms)


async def changes(
    session: AsyncSession, facility_id: int | None, *, since: date
) -> dict[tuple[int, date], Terms | None]:
    """Weekly sessions that are otherwise on one day, from a local day on; None where they do not take place."""
    query = select(SessionChange).where(col(SessionChange.day) >= since)
    if facility_id is not None:
        query = query.join(WeeklySession, col(WeeklySession.id) == col(SessionChange.weekly_session_id)).where(
            col(WeeklySession.facility_id) == facility_id
        )
    return {
        (row.weekly_session_id, row.day): Terms(row.starts, row.ends, row.slot_minutes, row.capacity, row.reserved)
        if row.held
        else None
        for row in await session.scalars(query)
    }


async def closed_by_us(session: AsyncSession, slot_ids: Collection[int]) -> set[int]:
    """Those of the slots that publishing itself closes."""
    query = select(col(SlotClosure.slot_id)).where(
        col(SlotClosure.source).in_([CALENDAR, TIMETABLE, CAPACITY]),
        col(SlotClosure.slot_id) == any_(bindparam("ids", type_=ARRAY(BigInteger))),
    )
    return set(await session.scalars(query, {"ids": list(slot_ids)}))
