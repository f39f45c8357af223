"""Taking a request, telling that it was received, and answering it. Each is in the audit, without a word of it."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.availability.board import calendar_of, special_days
from booking.clock import local_day
from booking.requests import rules
from booking.requests.commands import EndRequest, MakeRequest
from booking.requests.errors import RequestAnswered, RequestRefused, RequestUnknown
from booking.requests.kinds import RequestDoor, RequestState
from booking.requests.models import DataRequest
from booking.trail.service import record

LONGEST: Final = 2_000
"""Signs of a request, and of an answer."""

_LONGEST_NAME: Final = 100

MOST_OPEN: Final = 10
"""Open requests of one account; more are one and the same."""

_WEEKEND: Final = (5, 6)


async def make(session: AsyncSession, facility_id: int, command: MakeRequest, *, by: Actor, now: datetime) -> None:
    """Take a request; the same again is the same request.

    One that comes from her own pages is received before her eyes, so the first answer is given with it.

    Raises:
        RequestRefused: nothing is said or far too much, nobody is named, or too many of hers are open.
    """
    _check("said", command.said, LONGEST)
    _check("name", command.name, _LONGEST_NAME)
    if command.account_id is not None and await _open(session, command.account_id) >= MOST_OPEN:
        raise RequestRefused(field="said", reason="many")
    today = local_day(now)
    off = await _days_off(session, facility_id, today)
    values = command.model_dump(exclude={"id"}) | {
        "public_id": command.id,
        "facility_id": facility_id,
        "received_at": now,
        "received_by": by.id if by.kind is ActorKind.STAFF else None,
        "reply_by": rules.reply_by(today, lambda day: day in off),
        "due": rules.due(command.kind, today),
        "replied_at": now if command.door is RequestDoor.MOBILE else None,
        "state": RequestState.OPEN,
    }
    made = upsert(DataRequest).values(**values)
    same = made.on_conflict_do_nothing(constraint="data_request_public_id_key").returning(col(DataRequest.id))
    if (await session.execute(same)).first() is not None:
        record(
            session, "request.make", "data_request", command.id, by=by, now=now, kind=command.kind.value,
            due=str(values["due"]),
        )  # fmt: skip


def _check(field: str, value: str, most: int) -> None:
    if not value:
        raise RequestRefused(field=field, reason=field)
    if len(value) > most:
        raise RequestRefused(field=field, reason="long", most=most)


async def _open(session: AsyncSession, account_id: int) -> int:
    mine = (col(DataRequest.account_id) == account_id, col(DataRequest.state) == RequestState.OPEN)
    return int(await session.scalar(select(func.count()).select_from(DataRequest).where(*mine)) or 0)


async def _days_off(session: AsyncSession, facility_id: int, today: date) -> Collection[date]:
    """Days within a month on which the facility does not work: its calendar's, and weekends it does not make up for."""
    days = [today + timedelta(days=number) for number in range(31)]
    calendar = calendar_of(await special_days(session, facility_id, days[0], days[-1]))
    return [day for day in days if calendar.works_as(facility_id, day) in (None, *_WEEKEND)]


async def found(session: AsyncSession, facility_id: int, which: UUID, *, change: bool = False) -> DataRequest:
    """A request through its facility.

    Raises:
        RequestUnknown: this facility has none such.
    """
    query = select(DataRequest).where(col(DataRequest.public_id) == which, col(DataRequest.facility_id) == facility_id)
    row = (await session.execute(query.with_for_update() if change else query)).scalars().first()
    if row is None:
        raise RequestUnknown
    return row


async def reply(session: AsyncSession, facility_id: int, which: UUID, *, by: Actor, now: datetime) -> None:
    """Note that she was told that her request was received; again changes nothing."""
    row = await found(session, facility_id, which, change=True)
    if row.replied_at is None:
        row.replied_at = now
        record(session, "request.reply", "data_request", which, by=by, now=now)
    await session.flush()


async def end(
    session: AsyncSession, facility_id: int, which: UUID, command: EndRequest, *, by: Actor, now: datetime
) -> None:
    """Answer it; the same answer again changes nothing.

    Raises:
        RequestUnknown: this facility has none such.
        RequestAnswered: it was answered, and otherwise.
        RequestRefused: no outcome, or no word of what was done.
    """
    if command.state is RequestState.OPEN:
        raise RequestRefused(field="state", reason="state")
    _check("answer", command.answer, LONGEST)
    row = await found(session, facility_id, which, change=True)
    if row.state is not RequestState.OPEN:
        if (row.state, row.answer) == (command.state, command.answer):
            return
        raise RequestAnswered
    row.state, row.answer, row.ended_at, row.ended_by = command.state, command.answer, now, by.id
    row.replied_at = row.replied_at or now
    late = local_day(now) > row.due
    record(session, "request.end", "data_request", which, by=by, now=now, state=command.state.value, late=late)
    await session.flush()
