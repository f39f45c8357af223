"""The feeds of a facility, and one of them: how it stands, how old its data is, its last files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.directory import queries as directory
from booking.exchange import showing
from booking.exchange.outgoing import showing as outgoing
from booking.exchange.shown import listing
from booking.web.at_desk import Where, needs
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/feeds", include_in_schema=False, dependencies=[Depends(check_origin)])

Keeper = Annotated[Desk, needs(Right.FEEDS)]
_LONGEST_NAME = 40
FeedName = Annotated[str, Path()]


@router.get("")
async def feeds_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Every feed that speaks of the facility."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        feeds = await showing.feeds(session, where.facility_id, now=asked.now)
        listed = await listing.of_facility(session, where.facility_id)
        told = await outgoing.feeds(session, where.facility_id, now=asked.now)
    return page(
        request, "desk_feeds.html", personal=True, desk=desk, place=place, feeds=feeds, listed=listed, told=told
    )


@router.get("/{feed}")
async def feed_page(request: Request, asked: Ask, desk: Keeper, where: Where, feed: FeedName) -> Response:
    """One feed, and its last files with their counts and reasons."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        found = await showing.feed(session, where.facility_id, feed[:_LONGEST_NAME], now=asked.now)
        files = await showing.files(session, where.facility_id, found.age.feed)
        every = await listing.of_facility(session, where.facility_id)
    listed = [one for one in every if one.feed == found.age.feed]
    return page(
        request, "desk_feed.html", personal=True, desk=desk, place=place, feed=found, files=files, listed=listed
    )
