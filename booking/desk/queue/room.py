"""The doctor's list: who is in the room, who is next, who has come, who has not."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking import ids
from booking.clock import local_day
from booking.desk.queue import words
from booking.desk.queue.page import InQueue, Text, fresh, read_noted, seat_of, viewer_of
from booking.queue.around import services_in
from booking.web.at_desk import Where
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/room", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("/{room}")
async def room_page(
    request: Request, asked: Ask, desk: InQueue, where: Where, room: Annotated[str, Path()], service: Text = "",
    done: Text = "", number: Text = "",
) -> Response:  # fmt: skip
    """A room's work today; without a service named, the one the room works for."""
    seat = await seat_of(asked, where, service, room)
    if not service and seat.room is not None and seat.room.id is not None:
        async with asked.db.transaction() as session:
            mine = await services_in(session, seat.room.id, local_day(asked.now))
        chosen = max((one for one in seat.services if one.id in mine), key=lambda one: one.waiting, default=None)
        if chosen is not None:
            seat = await seat_of(asked, where, chosen.code, room)
    known, found = await fresh(request, asked, viewer_of(where, desk, seat))
    await read_noted(asked, desk, where, seat)
    line = known.sheet.line_of(seat.room.id if seat.room else None)
    return page(
        request, "desk_room.html", personal=True, desk=desk, place=where, seat=seat, parts=found,
        section=f"line-{line.id}" if line else "", once=str(ids.public_id()),
        said=words.done(done, number, asked.language),
    )  # fmt: skip
