"""What a facility is made of, as its staff see it: rows with their marks. And what patients are told."""

from datetime import date
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.directory.errors import EntryUnknown, FacilityUnknown
from booking.directory.models import Facility, Notice, Practitioner, Room, Service

Row = TypeVar("Row", Service, Practitioner, Room)


async def facility_row(session: AsyncSession, facility_id: int) -> Facility:
    """The facility itself."""
    found = await session.get(Facility, facility_id)
    if found is None:
        raise FacilityUnknown
    return found


async def entries(session: AsyncSession, table: type[Row], facility_id: int) -> list[Row]:
    """All services, practitioners or rooms of a facility; those in use first."""
    columns: Any = table
    found = list((await session.scalars(select(table).where(col(columns.facility_id) == facility_id))).all())
    return sorted(found, key=lambda row: (not getattr(row, "active", True), row.name, row.code))


async def entry(session: AsyncSession, table: type[Row], facility_id: int, code: str) -> Row:
    """One of them; EntryUnknown where the facility has none of this code."""
    columns: Any = table
    query = select(table).where(col(columns.facility_id) == facility_id, col(columns.code) == code)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise EntryUnknown
    return found


async def notices(session: AsyncSession, facility_id: int, *, today: date) -> list[Notice]:
    """What is told now or will be, the soonest first."""
    query = (
        select(Notice)
        .where(col(Notice.facility_id) == facility_id, col(Notice.shown_until) >= today)
        .order_by(col(Notice.shown_from), col(Notice.id))
    )
    return list((await session.scalars(query)).all())


async def notice(session: AsyncSession, facility_id: int, notice_id: int) -> Notice:
    """One of them; EntryUnknown where the facility has none of this number."""
    query = select(Notice).where(col(Notice.facility_id) == facility_id, col(Notice.id) == notice_id)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise EntryUnknown
    return found


async def told(session: AsyncSession, facility_code: str, service_code: str | None, *, today: date) -> list[Notice]:
    """What patients are told today on the page of a facility, or of one of its services."""
    query = (
        select(Notice)
        .join(Facility, col(Facility.id) == col(Notice.facility_id))
        .outerjoin(Service, col(Service.id) == col(Notice.service_id))
        .where(
            col(Facility.code) == facility_code,
            col(Notice.shown_from) <= today,
            col(Notice.shown_until) >= today,
        )
        .order_by(col(Notice.shown_from), col(Notice.id))
    )
    if service_code is not None:
        query = query.where(or_(col(Notice.service_id).is_(None), col(Service.code) == service_code))
    return list((await session.scalars(query)).all())
