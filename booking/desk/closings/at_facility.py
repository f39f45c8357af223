"""Closing times at one facility."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.closing import service
from booking.desk.closings import making, showing, typed
from booking.desk.closings.making import Door
from booking.desk.closings.showing import Which
from booking.web.at_desk import Where, needs
from booking.web.dependencies import Ask
from booking.web.origin import check_origin

router = APIRouter(prefix="/desk/{facility}/closings", include_in_schema=False, dependencies=[Depends(check_origin)])

Closer = Annotated[Desk, needs(Right.CLOSE)]
Teller = Annotated[Desk, needs(Right.MESSAGES)]
"""Whoever telephones people sees why."""


@router.get("")
async def list_page(request: Request, asked: Ask, desk: Teller, where: Where) -> Response:
    """Closings of the facility, those of all facilities among them."""
    return await showing.show_list(request, asked, desk, Door(where))


@router.get("/new")
async def new_page(
    request: Request, asked: Ask, desk: Closer, where: Where, session: Annotated[str, Query()] = "",
    day: Annotated[str, Query()] = "",
) -> Response:  # fmt: skip
    """The form, filled in where one comes from a session or a day."""
    opened = typed.first(asked.now, session=session, day=day)
    return await making.show_form(request, asked, desk, Door(where), opened)


@router.post("/new")
async def new(request: Request, asked: Ask, desk: Closer, where: Where) -> Response:
    """See what it would do; then do it."""
    return await making.submitted(request, asked, desk, Door(where))


@router.get("/{closing}")
async def one_page(request: Request, asked: Ask, desk: Teller, where: Where, closing: Which) -> Response:
    """One closing as it stands."""
    return await showing.show_one(request, asked, desk, Door(where), closing)


@router.post("/{closing}/undo")
async def undo(request: Request, asked: Ask, desk: Closer, where: Where, closing: Which) -> Response:
    """Take it back, while nobody was told."""
    return await showing.change(request, asked, desk, Door(where), closing, service.undo)


@router.post("/{closing}/end")
async def end(request: Request, asked: Ask, desk: Closer, where: Where, closing: Which) -> Response:
    """Open the times again."""
    return await showing.change(request, asked, desk, Door(where), closing, service.end)
