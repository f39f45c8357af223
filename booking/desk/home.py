"""The first page of the desk: where one works, and what one may do there."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.clock import local_day
from booking.directory import queries
from booking.queue.around import own_sessions
from booking.web.at_desk import AtDesk
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(prefix="/desk", include_in_schema=False)


@router.get("")
async def home(request: Request, asked: Ask, desk: AtDesk) -> Response:
    """The facilities of the scope; before them, for one who examines, her sessions of today."""
    async with asked.db.transaction() as session:
        mine = [view for view in await queries.facilities(session) if view.code in desk.staff.facilities]
        who = desk.staff.practitioner_id if desk.staff.may(Right.QUEUE) else None
        own = [] if who is None else await own_sessions(session, who, desk.staff.facilities, local_day(asked.now))
    return page(request, "desk_home.html", personal=True, desk=desk, facilities=mine, own=own)
