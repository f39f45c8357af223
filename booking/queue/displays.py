"""Televisions of the waiting room: each has an address with a token of its own, and shows numbers and rooms.

The token stands sealed beside its hash: the desk shows the address again whenever a television is set up anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.directory.models import Facility, Room, Service
from booking.patients.models import Patient
from booking.queue.commands import AddDisplay, CloseDisplay
from booking.queue.errors import DisplayUnknown
from booking.queue.kinds import TicketState
from booking.queue.lines import service_at
from booking.queue.models import Display, Queue, QueueTicket
from booking.queue.queries import waiting_in
from booking.queue.rules import EMERGENCIES, Policy, label, masked, order
from booking.sealed import keys
from booking.trail.service import record

LAST: Final = 6
"""The one called, and five before."""

NEXT: Final = 4
_TOKEN_BYTES: Final = 24
_LONGEST: Final = 64
_SHOWN = (TicketState.CALLED, TicketState.IN_ROOM, TicketState.DONE, TicketState.SKIPPED, TicketState.AT_TESTS)


@dataclass(frozen=True, slots=True)
class DisplayView:
    """A television as the desk knows it."""

    id: UUID
    facility_id: int
    facility: str
    facility_name: str
    facility_name_en: str
    name: str
    services: tuple[int, ...]
    names: bool
    token: str
    created_at: datetime
    training: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A number that was called. `name` is masked, and None where the display shows none."""

    number: str
    room: str | None
    name: str | None
    at: datetime
    now: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What a display shows: calls, the newest first; the next numbers; delays as staff said them, by service."""

    calls: tuple[Call, ...]
    coming: tuple[str, ...]
    late: tuple[tuple[str, str, int], ...]
    emergency: bool


async def add(session: AsyncSession, command: AddDisplay, *, by: Actor, now: datetime) -> UUID:
    """A new television; its address is read from the list.

    Raises:
        FacilityUnknown, ServiceUnknown.
    """
    facility = (await session.execute(select(Facility).where(col(Facility.code) == command.facility))).scalar_one()
    assert facility.id is not None
    services = [(await service_at(session, command.facility, code)).id for code in command.services]
    token = ids.opaque_key(_TOKEN_BYTES)
    made = Display(
        public_id=ids.public_id(), facility_id=facility.id, name=command.name or facility.name,
        services=[number for number in services if number is not None], names=command.names, token=token,
        token_hash=keys().index("display", token), created_at=now,
    )  # fmt: skip
    session.add(made)
    record(session, "display.add", "display", made.public_id, by=by, now=now, names=command.names)
    await session.flush()
    return made.public_id


async def close(session: AsyncSession, command: CloseDisplay, *, by: Actor, now: datetime) -> None:
    """Its address opens nothing any more; again changes nothing.

    Raises:
        DisplayUnknown: the facility has no such display.
    """
    query = (
        select(Display)
        .join(Facility, col(Facility.id) == col(Display.facility_id))
        .where(col(Display.public_id) == command.display, col(Facility.code) == command.facility)
        .with_for_update(of=Display)
    )
    found = await session.scalar(query)
    if found is None:
        raise DisplayUnknown
    if found.ended_at is None:
        found.ended_at = now
        record(session, "display.close", "display", found.public_id, by=by, now=now)


def _views() -> Any:
    return (
        select(Display, Facility)
        .join(Facility, col(Facility.id) == col(Display.facility_id))
        .where(col(Display.ended_at).is_(None))
    )


def _view(row: Any) -> DisplayView:
    display, facility = row
    return DisplayView(
        display.public_id, display.facility_id, facility.code, facility.name, facility.name_en, display.name,
        tuple(display.services), display.names, display.token, display.created_at, facility.training,
    )  # fmt: skip


async def displays_of(session: AsyncSession, facility_id: int) -> list[DisplayView]:
    """A facility's televisions."""
    rows = await session.execute(_views().where(col(Display.facility_id) == facility_id).order_by(col(Display.id)))
    return [_view(row) for row in rows]


async def display_of(session: AsyncSession, facility: str, token: str) -> DisplayView:
    """The television with this token.

    Raises:
        DisplayUnknown: it opens nothing (any more).
    """
    where = (col(Display.token_hash) == keys().index("display", token[:_LONGEST]), col(Facility.code) == facility)
    row = (await session.execute(_views().where(*where))).first()
    if row is None:
        raise DisplayUnknown
    return _view(row)


async def shown(session: AsyncSession, display: DisplayView, day: date, *, now: datetime, policy: Policy) -> Shown:
    """What the television shows at this moment."""
    where = [col(Queue.facility_id) == display.facility_id, col(Queue.day) == day]
    if display.services:
        where.append(col(Queue.service_id).in_(display.services))
    query = (
        select(Queue, Service)
        .join(Service, col(Service.id) == col(Queue.service_id))
        .where(*where)
        .order_by(col(Service.sort_key), col(Queue.id))
    )
    rows = (await session.execute(query)).all()
    lines = [line for line, _ in rows]
    ordered = []
    for line in lines:
        waiting = {one.id: one for one in await waiting_in(session, line.id or 0)}
        turns = order(waiting.values(), now=now, policy=policy, streak=line.priority_streak)[:NEXT]
        ordered.append([label(line.series, waiting[turn.id].number) for turn in turns])
    late = {(service.name, service.name_en, line.late_minutes) for line, service in rows if line.late_minutes}
    calls, emergency = await _calls(session, [line.id for line in lines], names=display.names)
    return Shown(calls, _in_turn(ordered), tuple(sorted(late)), emergency)


def _in_turn(ordered: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The next numbers, one of each line after the other."""
    taken = [line[place] for place in range(NEXT) for line in ordered if place < len(line)]
    return tuple(taken[:NEXT])


async def _calls(session: AsyncSession, lines: list[int | None], *, names: bool) -> tuple[tuple[Call, ...], bool]:
    columns = (
        col(QueueTicket.series), col(QueueTicket.number), col(Room.name), col(QueueTicket.name), col(Patient.name),
        col(QueueTicket.called_at), col(QueueTicket.state),
    )  # fmt: skip
    query = (
        select_columns(*columns)
        .outerjoin(Room, col(Room.id) == col(QueueTicket.room_id))
        .outerjoin(Patient, col(Patient.id) == col(QueueTicket.patient_id))
        .where(
            col(QueueTicket.queue_id).in_(lines),
            col(QueueTicket.called_at).is_not(None),
            col(QueueTicket.state).in_(_SHOWN),
            col(QueueTicket.emergency).is_(False),
        )
        .order_by(col(QueueTicket.called_at).desc(), col(QueueTicket.id).desc())
        .limit(LAST)
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    calls = tuple(
        Call(
            label(row[0], row[1]), row[2], masked(row[4] or row[3] or "") or None if names else None, row[5],
            row[6] is TicketState.CALLED,
        )
        for row in rows
    )  # fmt: skip
    urgent = select_columns(col(QueueTicket.id)).where(
        col(QueueTicket.queue_id).in_(lines),
        col(QueueTicket.series) == EMERGENCIES,
        col(QueueTicket.emergency),
        col(QueueTicket.state).in_((TicketState.CALLED, TicketState.IN_ROOM)),
    )
    return calls, (await session.scalar(urgent.limit(1))) is not None
