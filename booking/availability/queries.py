"""Reads of the timetable: frozen views."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.models import Slot
from booking.directory import queries as directory
from booking.directory.models import Facility, Practitioner, Room


@dataclass(frozen=True, slots=True)
class GridRow:
    """One slot as hospital software sees it.

    Attributes:
        slot_id: the slot.
        resource: the practitioner's code, else the room's; None where a session has neither.
        starts_at: UTC.
        ends_at: UTC, exclusive.
        open: whether it is open to booking now.
    """

    slot_id: int
    resource: str | None
    starts_at: datetime
    ends_at: datetime
    open: bool


async def grid(
    session: AsyncSession,
    facility_code: str,
    *,
    start: datetime,
    end: datetime,
    practitioners: Collection[str] | None = None,
) -> list[GridRow]:
    """The slots of a facility that overlap `[start, end)`, in the order of time; all resources or these practitioners.

    Raises:
        FacilityUnknown: no facility has this code.
    """
    await directory.facility(session, facility_code)
    query = (
        select(
            col(Slot.id),
            func.coalesce(col(Practitioner.code), col(Room.code)),
            col(Slot.starts_at),
            col(Slot.ends_at),
            col(Slot.open),
        )
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(col(Facility.code) == facility_code, col(Slot.starts_at) < end, col(Slot.ends_at) > start)
        .order_by(col(Slot.starts_at), col(Slot.id))
    )
    if practitioners is not None:
        query = query.where(col(Practitioner.code).in_(practitioners))
    found = await session.execute(query)
    return [
        GridRow(row_id, resource, starts_at, ends_at, is_open)
        for row_id, resource, starts_at, ends_at, is_open in found
        if row_id is not None  # always; the model's type allows for a row not yet written
    ]
