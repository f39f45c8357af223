"""The first page of the desk: where one works, and what one may do there."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.directory import queries
from booking.web.at_desk import AtDesk
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(prefix="/desk", include_in_schema=False)


@router.get("")
async def home(request: Request, asked: Ask, desk: AtDesk) -> Response:
    """The facilities of the scope."""
    async with asked.db.transaction() as session:
        mine = [view for view in await queries.facilities(session) if view.code in desk.staff.facilities]
    return page(request, "desk_home.html", personal=True, desk=desk, facilities=mine)
