"""Lines and their locks, beside service.py.

The order of locks: the appointment (visiting.py), then lines by id, then the counter of numbers. A line's row is the
lock of all its tickets: whoever changes one holds it, so that two who call next call two people. It is locked
FOR NO KEY UPDATE: a check-in, whose ticket refers to the row, does not wait for a call.
"""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.directory.models import Facility, Room, Service
from booking.queue.errors import RoomUnknown, TicketUnknown
from booking.queue.models import Queue, QueueCounter, QueueTicket
from booking.queue.rules import series_of


def topic(facility_id: int, day: date, service_id: int) -> str:
    """What a live page of one service listens to; the parts before stand for the whole facility or day."""
    return f"queue/{facility_id}/{day.isoformat()}/{service_id}"


async def service_at(session: AsyncSession, facility: str, service: str) -> Service:
    """The service of a facility, by their codes.

    Raises:
        FacilityUnknown, ServiceUnknown.
    """
    facility_id = await session.scalar(select(Facility.id).where(col(Facility.code) == facility))
    if facility_id is None:
        raise FacilityUnknown(facility=facility)
    found = await session.scalar(
        select(Service).where(col(Service.facility_id) == facility_id, col(Service.code) == service)
    )
    if found is None:
        raise ServiceUnknown(facility=facility, service=service)
    return found


async def room_at(session: AsyncSession, facility_id: int, room: str | None) -> int | None:
    """The id of a facility's room; None where none is named.

    Raises:
        RoomUnknown: it has no such room.
    """
    if room is None:
        return None
    found: int | None = await session.scalar(
        select(Room.id).where(col(Room.facility_id) == facility_id, col(Room.code) == room)
    )
    if found is None:
        raise RoomUnknown(room=room)
    return found


async def opened(
    session: AsyncSession, facility_id: int, service_id: int, room_id: int | None, day: date, *, now: datetime
) -> Queue:
    """The line of a service, or of a room, on a day; made where it is not there yet. Not locked."""
    rank = await session.scalar(
        select(func.count())
        .select_from(Service)
        .where(col(Service.facility_id) == facility_id, col(Service.id) < service_id)
    )
    made = upsert(Queue).values(
        facility_id=facility_id, service_id=service_id, room_id=room_id, day=day, series=series_of(rank or 0),
        priority_streak=0, opened_at=now,
    )  # fmt: skip
    await session.execute(made.on_conflict_do_nothing(constraint="queue_key"))
    found = await _line(session, service_id, room_id, day)
    assert found is not None
    return found


async def line_for(
    session: AsyncSession, facility_id: int, service_id: int, room_id: int | None, day: date, *, now: datetime
) -> Queue:
    """The line people for that room stand in: the room's own where it has one that day, else the service's."""
    own = await _line(session, service_id, room_id, day) if room_id is not None else None
    return own or await opened(session, facility_id, service_id, None, day, now=now)


async def _line(session: AsyncSession, service_id: int, room_id: int | None, day: date) -> Queue | None:
    found: Queue | None = await session.scalar(
        select(Queue).where(
            col(Queue.service_id) == service_id,
            col(Queue.room_id).is_not_distinct_from(room_id),
            col(Queue.day) == day,
        )
    )
    return found


async def locked(session: AsyncSession, *ids: int) -> Mapping[int, Queue]:
    """Lines, locked in the order of their ids."""
    query = (
        select(Queue)
        .where(col(Queue.id).in_(ids))
        .order_by(col(Queue.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {line.id: line for line in (await session.execute(query)).scalars() if line.id is not None}


async def next_number(session: AsyncSession, line: Queue, series: str | None = None) -> int:
    """The next number of the line's series, or of another of the facility.

    Whoever else wants one of the series waits for our commit, so none is given out twice.
    """
    made = upsert(QueueCounter).values(facility_id=line.facility_id, day=line.day, series=series or line.series, last=1)
    counted = made.on_conflict_do_update(
        index_elements=["facility_id", "day", "series"], set_={"last": col(QueueCounter.last) + 1}
    )
    number: int = (await session.execute(counted.returning(col(QueueCounter.last)))).scalar_one()
    return number


async def ticket_seen(session: AsyncSession, facility: str, ticket: UUID) -> QueueTicket:
    """A facility's ticket as it stands this moment, not locked: says which rows must be locked.

    Raises:
        TicketUnknown: the facility has no such ticket.
    """
    found = await session.scalar(
        select(QueueTicket)
        .join(Facility, col(Facility.id) == col(QueueTicket.facility_id))
        .where(col(QueueTicket.public_id) == ticket, col(Facility.code) == facility)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise TicketUnknown
    return found
