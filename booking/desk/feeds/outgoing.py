"""What the hospital's software is told of our bookings: how up to date it is, the last files, and what was refused."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.desk.feeds.feeds import FeedName, Keeper
from booking.directory import queries as directory
from booking.exchange.outgoing import showing
from booking.web.at_desk import Where
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/outgoing", include_in_schema=False, dependencies=[Depends(check_origin)])

_LONGEST_NAME = 40


@router.get("/{feed}")
async def told_page(request: Request, asked: Ask, desk: Keeper, where: Where, feed: FeedName) -> Response:
    """One hospital that is told. Bookings stand there by their codes; nobody is named."""
    code = feed[:_LONGEST_NAME]
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        told = await showing.feed(session, where.facility_id, code, now=asked.now)
        files = await showing.files(session, where.facility_id, code)
        refused = await showing.refused(session, where.facility_id, code)
    return page(
        request, "desk_outgoing.html", personal=True, desk=desk, place=place, told=told, files=files, refused=refused
    )
