"""What the desk's machine keeps for when the net is gone: the worker, its copy of the sheet, the page without one.

The worker (static/desk_sw.js) asks for the copy in the morning and every hour while a page of the desk is open. Asking
is no use of the desk: a page left open keeps nobody signed in. The copy is good as long as `Henkham-Keep-Until` says:
until midnight, and no longer than the session it was given to.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from sqlmodel import col, select
from starlette.responses import Response

from booking.access import queries
from booking.access.models import StaffSession
from booking.access.queries import Desk
from booking.clock import ZONE, day_bounds, local_day
from booking.desk.sheet.page import allowed, look, shown
from booking.directory.errors import FacilityUnknown
from booking.web import at_desk, device
from booking.web.at_desk import DeskSignInNeeded, Place
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page
from booking.web.static_files import files

router = APIRouter(prefix="/desk", include_in_schema=False, dependencies=[Depends(check_origin)])

KEEP_UNTIL = "Henkham-Keep-Until"
_LONGEST_TOKEN = 100


@router.get("/sw.js")
async def worker() -> Response:
    """The worker of the desk; browsers ask for it again each day. It may serve /desk itself too."""
    headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/desk"}
    return Response(files()["desk_sw.js"].body, media_type="text/javascript; charset=utf-8", headers=headers)


@router.get("/lost")
async def lost_page(request: Request) -> Response:
    """What is shown without a connection where no sheet is kept. It names nobody, so the machine may keep it."""
    return page(request, "desk_lost.html", echo=False)


async def _unused(request: Request, asked: Ask) -> Desk:
    """Who is signed in there, without counting this as a use of the desk."""
    token = request.cookies.get(device.cookie_name(request, at_desk.COOKIE), "")
    async with asked.db.transaction() as session:
        found = await queries.at_desk(session, token[:_LONGEST_TOKEN], now=asked.now)
    if found is None or found.staff.must_change:
        raise DeskSignInNeeded
    request.state.desk = found
    return allowed(found)


Unused = Annotated[Desk, Depends(_unused)]


async def _where(desk: Unused, facility: Annotated[str, Path()]) -> Place:
    found = desk.staff.facilities.get(facility)
    if found is None:
        raise FacilityUnknown(facility=facility[:64])
    return Place(facility, found)


@router.get("/{facility}/sheet/copy")
async def copy_page(request: Request, asked: Ask, desk: Unused, where: Annotated[Place, Depends(_where)]) -> Response:
    """Today's sheet as the machine keeps it: with its own age on it, and no link that needs the net."""
    async with asked.db.transaction() as session:
        seen = await look(session, asked, desk, where, local_day(asked.now), reason="kept")
        ends = await session.scalar(select(StaffSession.expires_at).where(col(StaffSession.public_id) == desk.session))
    until = min(day_bounds(seen.day)[1], ends or asked.now)
    answer = page(
        request, "desk_sheet_copy.html", personal=True, echo=False, until=until, made=asked.now.astimezone(ZONE),
        **shown(seen, asked, asked.language),
    )  # fmt: skip
    answer.headers[KEEP_UNTIL] = until.astimezone(ZONE).isoformat()
    answer.headers["Henkham-Made"] = asked.now.astimezone(ZONE).isoformat()
    return answer
