"""What publishing reads: weekly sessions as offers, and the slots that are there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.models import Session, Slot, SlotClosure, WeeklySession
from booking.availability.rules import CALENDAR, TIMETABLE, DaySession, Limits, Span, Weekly, limits
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
        )
        .join(Session, col(Session.id) == col(Slot.session_id))
        .where(col(Session.day) >= since)
    )
    if facility_id is not None:
        query = query.where(col(Session.facility_id) == facility_id)
    found = await session.execute(query)
    return [
        Standing(row_id, place, (weekly, day, start), resource_of(service, practitioner, room), end, (begins, ends))
        for row_id, place, weekly, day, start, end, service, practitioner, room, begins, ends in found
        if row_id is not None  # always; the model's type allows for a row not yet written
    ]


async def closed_by_us(session: AsyncSession, slot_ids: Collection[int]) -> set[int]:
    """Those of the slots that publishing itself closes."""
    query = select(col(SlotClosure.slot_id)).where(
        col(SlotClosure.source).in_([CALENDAR, TIMETABLE]),
        col(SlotClosure.slot_id) == any_(bindparam("ids", type_=ARRAY(BigInteger))),
    )
    return set(await session.scalars(query, {"ids": list(slot_ids)}))
