"""The clerk's page: the line, who is next and why, the field that takes a scan. Live with scripts, whole without."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from booking import clock, ids
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.clock import local_day
from booking.db import is_lost
from booking.desk.queue import parts as made
from booking.desk.queue import words
from booking.desk.queue.parts import Known, Parts, Sheets, Viewer
from booking.directory.errors import ServiceUnknown
from booking.directory.models import Room
from booking.errors import BookingError, Busy
from booking.exchange import clashes
from booking.queue.around import ServiceToday, rooms_at, services_at
from booking.queue.errors import RoomUnknown
from booking.queue.lines import topic
from booking.trail.live import Position, position_of
from booking.trail.service import record
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.live import Listener
from booking.web.origin import check_origin
from booking.web.pages import page
from booking.web.streaming import HEARTBEAT, EventStream, event, opening

router = APIRouter(prefix="/desk/{facility}/queue", include_in_schema=False, dependencies=[Depends(check_origin)])

InQueue = Annotated[Desk, needs(Right.QUEUE)]
CHECK: Final = 4.0
"""Seconds after which an open stream asks again who listens: a changed scope holds within five."""

_NOWHERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where somebody works at the moment: the service looked at, and the room called to (None: the desk)."""

    services: list[ServiceToday]
    rooms: list[Room]
    service: ServiceToday | None
    room: Room | None

    @property
    def query(self) -> str:
        """For addresses."""
        chosen = [f"service={self.service.code}"] if self.service else []
        return "&".join([*chosen, *([f"room={self.room.code}"] if self.room else [])])


async def seat_of(asked: Asked, where: Place, service: str, room: str) -> Seat:
    """What was chosen, or the first service anybody waits for.

    Raises:
        ServiceUnknown, RoomUnknown: the facility has none of that code.
    """
    async with asked.db.transaction() as session:
        services = await services_at(session, where.facility_id, local_day(asked.now))
        rooms = await rooms_at(session, where.facility_id)
    chosen = next((one for one in services if one.code == service), None)
    if chosen is None and service:
        raise ServiceUnknown(facility=where.code, service=service[:64])
    in_room = next((one for one in rooms if one.code == room), None)
    if in_room is None and room:
        raise RoomUnknown(room=room[:64])
    busiest = max(services, key=lambda one: one.waiting, default=None)
    return Seat(services, rooms, chosen or busiest, in_room)


def viewer_of(where: Place, desk: Desk, seat: Seat, *, own: bool = False) -> Viewer:
    """Who looks, for the parts."""
    service_id = seat.service.id if seat.service else 0
    return Viewer(where, service_id, seat.room.id if seat.room else None, str(desk.staff.id), own)


async def fresh(request: Request, asked: Asked, viewer: Viewer) -> tuple[Known, Parts]:
    """The parts as they are this moment."""
    async with asked.db.transaction() as session:
        known = await made.read(
            session, viewer.place, viewer.service_id, local_day(asked.now), heard=_NOWHERE, now=asked.now
        )
    return known, made.parts(request, viewer, known, asked.now)


async def read_noted(asked: Asked, desk: Desk, where: Place, seat: Seat) -> None:
    """Names of the day were shown to somebody: the trail says to whom."""
    service = seat.service.code if seat.service else None
    async with asked.db.transaction() as session:
        record(
            session, "queue.read", "facility", where.code, by=at_desk.actor(asked, desk), now=asked.now,
            service=service,
        )  # fmt: skip


Text = Annotated[str, Query(max_length=64)]


@router.get("")
async def queue_page(
    request: Request, asked: Ask, desk: InQueue, where: Where, service: Text = "", room: Text = "", done: Text = "",
    number: Text = "",
) -> Response:  # fmt: skip
    """The queue of a service today."""
    seat = await seat_of(asked, where, service, room)
    return await shown(request, asked, desk, where, seat, said=words.done(done, number, asked.language))


async def shown(
    request: Request, asked: Asked, desk: Desk, where: Place, seat: Seat, *, said: str = "", status: int = 200,
    **more: Any,
) -> Response:  # fmt: skip
    """The clerk's page, with whatever a form has to say."""
    _, found = await fresh(request, asked, viewer_of(where, desk, seat))
    await read_noted(asked, desk, where, seat)
    async with asked.db.transaction() as session:
        to_answer = await clashes.count(session, where.facility_id)
    usual: dict[str, Any] = {"found": None, "typed": {}, "errors": {}, "scanned": "", "trouble": None, "walking": False}
    return page(
        request, "desk_queue.html", status=status, personal=True, desk=desk, place=where, seat=seat, parts=found,
        said=said, clashes=to_answer, once=str(ids.public_id()), priorities=words.priorities(asked.language),
        **(usual | more),
    )  # fmt: skip


@router.get("/live")
async def queue_live(
    request: Request, asked: Ask, desk: InQueue, where: Where, service: Text = "", room: Text = "",
    own: Text = "", last_event_id: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """What changes in the parts, each time it does; `own`: of the lines the room's alone."""
    seat = await seat_of(asked, where, service, room)
    if seat.service is None:
        raise ServiceUnknown(facility=where.code)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    await read_noted(asked, desk, where, seat)
    viewer = viewer_of(where, desk, seat, own=bool(own))
    about = topic(where.facility_id, local_day(asked.now), seat.service.id)

    def says(listener: Listener) -> AsyncIterator[bytes]:
        return _says(asked, viewer, listener)

    return EventStream(request.app.state.relay, about, asked.address, says, since=position_of(last_event_id))


async def _says(asked: Asked, viewer: Viewer, listener: Listener) -> AsyncIterator[bytes]:
    """The parts as they are, then what changes of them. It ends with the day, and with the right to see it."""
    yield opening()
    sheets: Sheets = asked.request.app.state.sheets
    loop = asyncio.get_running_loop()
    shown_now: Parts | None = None
    checked, day = loop.time(), local_day(asked.now)
    heard: object = []
    while heard is not None:
        at, now = listener.heard, clock.utc_now()
        try:
            if loop.time() - checked >= CHECK:  # however much is told meanwhile
                if not await at_desk.still_there(asked.request, asked, viewer.place, Right.QUEUE):
                    yield event({"over": True}, position=at)
                    return
                checked = loop.time()
            if local_day(now) != day:
                yield event({"over": True}, position=at)
                return
            known = await _known(sheets, asked, viewer, at, now)
            found = made.parts(asked.request, viewer, known, now)
        except Exception as problem:
            if isinstance(problem, BookingError) and not isinstance(problem, Busy):
                return
            if not isinstance(problem, Busy) and not is_lost(problem):
                raise
            yield HEARTBEAT  # the database is away: the page tells its own age
        else:
            changed = found.since(shown_now)
            yield event(changed, position=at) if any(changed.values()) else event({"at": _clock(now)}, position=at)
            shown_now = found
        heard = await listener.next(CHECK)


def _clock(now: datetime) -> str:
    return now.isoformat()


async def _known(sheets: Sheets, asked: Asked, viewer: Viewer, at: Position, now: datetime) -> Known:
    return await sheets.known(asked, viewer.place, viewer.service_id, local_day(now), heard=at, now=now)
