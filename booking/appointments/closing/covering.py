"""What a span covers: slots, the visits inside, and the free times nearby. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.closing.kinds import ClosingScope
from booking.appointments.closing.rules import SEARCH, OtherVisit, Time
from booking.appointments.kinds import BLOCKS_DAY
from booking.appointments.models import Appointment
from booking.availability.models import Session, Slot
from booking.availability.statements import bookable_now, free_online, taking
from booking.directory.models import Facility, Service

_MOST = 600
"""Free times that are looked at: those of a month at a busy service."""


@dataclass(frozen=True, slots=True)
class Area:
    """A span with its ids resolved within the scope of whoever asks; `facility_id` is None for all facilities."""

    scope: ClosingScope
    facility_id: int | None
    session_id: int | None
    practitioner_id: int | None
    starts_at: datetime
    ends_at: datetime


def covers(area: Any) -> list[ColumnElement[bool]]:
    """Conditions over Slot and Session. `area` is an Area or a Closing: they have the same members."""
    wanted = [col(Slot.starts_at) < area.ends_at, col(Slot.ends_at) > area.starts_at]
    # A session has an index by facility and day, its slots one by session.
    wanted += [col(Session.starts_at) < area.ends_at, col(Session.ends_at) > area.starts_at]
    if area.facility_id is not None:
        wanted.append(col(Session.facility_id) == area.facility_id)
    else:  # a closing of the whole city leaves places to practise alone
        wanted.append(col(Session.facility_id).not_in(select(Facility.id).where(col(Facility.training))))
    if area.session_id is not None:
        wanted.append(col(Session.id) == area.session_id)
    if area.practitioner_id is not None:
        wanted.append(col(Slot.practitioner_id) == area.practitioner_id)
    return wanted


def _taking() -> ColumnElement[bool]:
    """Whether those of one service may be moved there: also where nobody but staff, practising, ever books."""
    return or_(taking(), and_(col(Facility.training), col(Service.bookable)))


async def slots(session: AsyncSession, area: Any) -> list[int]:
    """The slots that overlap the span, in the order of ids."""
    query = (
        select(Slot.id)
        .join(Session, col(Session.id) == col(Slot.session_id))
        .where(*covers(area))
        .order_by(col(Slot.id))
    )
    return [one for one in (await session.execute(query)).scalars() if one is not None]


async def free_times(
    session: AsyncSession, service_id: int, *, after: datetime, now: datetime, without: Collection[int] = ()
) -> list[Time]:
    """Times of a service with a place for somebody at home, from `after` on, the earliest first."""
    query = _free(service_id).where(col(Slot.starts_at) > after, col(Slot.starts_at) <= after + SEARCH)
    rows = (await session.execute(query.order_by(col(Slot.starts_at), col(Slot.id)), {"now": now})).all()
    return [Time(row.id, row.starts_at, row.ends_at) for row in rows if row.id is not None and row.id not in without]


async def free_before(session: AsyncSession, service_id: int, *, before: datetime, now: datetime) -> list[Time]:
    """Likewise those that are still to come before a time, the nearest to it first."""
    query = _free(service_id).where(col(Slot.starts_at) > max(now, before - SEARCH), col(Slot.starts_at) < before)
    rows = (await session.execute(query.order_by(col(Slot.starts_at).desc(), col(Slot.id)), {"now": now})).all()
    return [Time(row.id, row.starts_at, row.ends_at) for row in rows if row.id is not None]


def _free(service_id: int) -> Any:
    return (
        select(Slot.id, Slot.starts_at, Slot.ends_at)
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(col(Slot.service_id) == service_id, _taking(), bookable_now(), free_online() > 0)
        .limit(_MOST)
    )


async def places_left(session: AsyncSession, service_id: int, *, after: datetime, now: datetime) -> dict[int, int]:
    """Free places for somebody at home by slot, over the same times."""
    query = (
        select(Slot.id, free_online().label("free"))
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(
            col(Slot.service_id) == service_id,
            col(Slot.starts_at) > after,
            col(Slot.starts_at) <= after + SEARCH,
            _taking(),
            bookable_now(),
            free_online() > 0,
        )
    )
    return {row.id: row.free for row in await session.execute(query, {"now": now}) if row.id is not None}


async def others_of(session: AsyncSession, visit: Appointment, *, now: datetime) -> list[OtherVisit]:
    """What else the person has ahead."""
    query = select(Appointment.starts_at, Appointment.ends_at, Appointment.facility_id, Appointment.service_id).where(
        col(Appointment.patient_id) == visit.patient_id,
        col(Appointment.id) != visit.id,
        col(Appointment.state).in_(BLOCKS_DAY),
        col(Appointment.ends_at) > now,
    )
    return [
        OtherVisit(
            row.starts_at,
            row.ends_at,
            same_place=row.facility_id == visit.facility_id,
            same_service=row.service_id == visit.service_id,
        )
        for row in await session.execute(query)
    ]


async def booked_in(session: AsyncSession, slot_ids: Collection[int]) -> int:
    """How many booked visits are in these slots."""
    query = (
        select(func.count())
        .select_from(Appointment)
        .where(col(Appointment.slot_id).in_(slot_ids), col(Appointment.state).in_(("booked", "arrived")))
    )
    return (await session.execute(query)).scalar_one()
