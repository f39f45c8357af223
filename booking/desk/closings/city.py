"""Closing times at all facilities at once: for those whose scope is the city."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.errors import RightMissing
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.closing import service
from booking.desk.closings import making, showing, typed
from booking.desk.closings.making import Door
from booking.desk.closings.showing import Which
from booking.web.at_desk import needs
from booking.web.dependencies import Ask
from booking.web.origin import check_origin

router = APIRouter(prefix="/desk/closings", include_in_schema=False, dependencies=[Depends(check_origin)])

_DOOR = Door(None)


async def _everywhere(desk: Annotated[Desk, needs(Right.CLOSE)]) -> Desk:
    if not desk.staff.everywhere:
        raise RightMissing(right=Right.CLOSE.value)
    return desk


CityCloser = Annotated[Desk, Depends(_everywhere)]


@router.get("")
async def list_page(request: Request, asked: Ask, desk: CityCloser) -> Response:
    """Closings of all facilities."""
    return await showing.show_list(request, asked, desk, _DOOR)


@router.get("/new")
async def new_page(request: Request, asked: Ask, desk: CityCloser) -> Response:
    """The form."""
    return await making.show_form(request, asked, desk, _DOOR, typed.first(asked.now, city=True))


@router.post("/new")
async def new(request: Request, asked: Ask, desk: CityCloser) -> Response:
    """See what it would do; then do it."""
    return await making.submitted(request, asked, desk, _DOOR)


@router.get("/{closing}")
async def one_page(request: Request, asked: Ask, desk: CityCloser, closing: Which) -> Response:
    """One closing as it stands, facility by facility."""
    return await showing.show_one(request, asked, desk, _DOOR, closing)


@router.post("/{closing}/undo")
async def undo(request: Request, asked: Ask, desk: CityCloser, closing: Which) -> Response:
    """Take it back, while nobody was told."""
    return await showing.change(request, asked, desk, _DOOR, closing, service.undo)


@router.post("/{closing}/end")
async def end(request: Request, asked: Ask, desk: CityCloser, closing: Which) -> Response:
    """Open the times again."""
    return await showing.change(request, asked, desk, _DOOR, closing, service.end)
