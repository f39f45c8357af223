"""The televisions of a facility: made at the desk, each with an address of its own, and closed there."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.desk.forms import all_of, raw_of
from booking.desk.queue.page import InQueue
from booking.queue import commands
from booking.queue import displays as kept
from booking.queue.around import services_at
from booking.queue.errors import DisplayUnknown
from booking.web import at_desk
from booking.web.at_desk import Where
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(prefix="/desk/{facility}/displays", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("")
async def displays_page(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """The televisions with their addresses, and the form for one more."""
    async with asked.db.transaction() as session:
        found = await kept.displays_of(session, where.facility_id)
        services = await services_at(session, where.facility_id, local_day(asked.now))
    base = asked.settings.public_base_url
    return page(
        request, "desk_displays.html", personal=True, desk=desk, place=where, services=services,
        displays=[(one, f"{base}/display/{where.code}/{one.token}") for one in found],
    )  # fmt: skip


@router.post("")
async def add(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """One more television."""
    form = await request.form()
    command = commands.AddDisplay(
        facility=where.code, name=raw_of(form, "name")[:60], services=all_of(form, "services")[:40],
        names=raw_of(form, "names") == "on",
    )  # fmt: skip
    async with asked.db.transaction() as session:
        await kept.add(session, command, by=at_desk.actor(asked, desk), now=asked.now)
    return see_other(request, f"/desk/{where.code}/displays")


@router.post("/{display}/close")
async def close(request: Request, asked: Ask, desk: InQueue, where: Where, display: Annotated[str, Path()]) -> Response:
    """That address opens nothing any more."""
    try:
        which = UUID(display)
    except ValueError:
        raise DisplayUnknown from None
    command = commands.CloseDisplay(facility=where.code, display=which)
    async with asked.db.transaction() as session:
        await kept.close(session, command, by=at_desk.actor(asked, desk), now=asked.now)
    return see_other(request, f"/desk/{where.code}/displays")
