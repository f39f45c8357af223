"""Where, what for, which day, which time: pages that only read."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking import ids
from booking.availability.earliest import EARLIEST_HERE
from booking.clock import local_day
from booking.directory import finding as directory
from booking.directory import queries
from booking.directory.listing import told
from booking.mobile import addresses, reading
from booking.mobile.addresses import Day, Facility, Service
from booking.mobile.finding import instead, searching
from booking.mobile.finding.calendar import earliest
from booking.mobile.finding.listing import items
from booking.mobile.finding.wards import by_ward, large
from booking.mobile.forms import NOTHING
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(include_in_schema=False)

_ON_HOME = 6
"""Services named on the first page; the others are one step away."""

_ASKED_MOST = ("kham-tong-quat", "kham-nhi", "tiem-chung-tre-em", "kham-thai")
"""What most people come for stands first, where it is offered; after it what most places offer."""


@router.get("/")
async def home(request: Request, asked: Ask, q: Annotated[str, Query()] = "") -> Response:
    """The first page, or what a search found."""
    words = searching.searched(q)
    if words:
        return await searching.results(request, asked, words)
    async with asked.db.transaction() as session:
        found = await queries.facilities(session)
        offered = await directory.services(session)
    offered.sort(key=lambda each: _ASKED_MOST.index(each.code) if each.code in _ASKED_MOST else len(_ASKED_MOST))
    return page(
        request, "home.html", large=large(found), wards=by_ward(found), services=offered[:_ON_HOME],
        more=len(offered) > _ON_HOME,
    )  # fmt: skip


@router.get("/help")
async def help_page(request: Request, asked: Ask) -> Response:
    """Who can book for whom, what to do without a mobile, and which paper is which."""
    async with asked.db.transaction() as session:
        found = await queries.facilities(session)
    return page(request, "help.html", phones=[view for view in large(found) if view.phone])


@router.get("/f/{facility}")
async def facility_page(request: Request, asked: Ask, facility: Facility) -> Response:
    """A facility and what one can come for, with the soonest free place of each."""
    async with asked.db.transaction() as session:
        found = await queries.facility(session, facility)
        services = await queries.services(session, facility)
        notices = await told(session, facility, None, today=local_day(asked.now))
        merged = await queries.facility(session, found.merged_into) if found.merged_into else None
    rows = await items(asked, EARLIEST_HERE, facility=facility, start=asked.now) if found.bookable else []
    soonest = {row["service"]: datetime.fromisoformat(row["start"]) for row in rows}
    return page(
        request, "facility.html", facility=found, services=services, merged=merged, soonest=soonest, notices=notices
    )


@router.get("/f/{facility}/{service}")
async def days_page(
    request: Request, asked: Ask, facility: Facility, service: Service, start: Annotated[str | None, Query()] = None
) -> Response:
    """The days of a service; where none is free, why, and what there is instead."""
    what = await reading.offered(asked, facility, service)
    days = await reading.days(asked, what, start=addresses.read_day(start) if start else None)
    first = earliest(days.months)
    nothing = await instead.of_span(asked, what, days) if first is None else None
    return page(
        request, "days.html", what=what, days=days, first=first, path=what.path, move=None, nothing=nothing,
        notices=await reading.notices(asked, what), old_since=await reading.old_since(asked, what),
    )  # fmt: skip


@router.get("/f/{facility}/{service}/{day}")
async def times_page(request: Request, asked: Ask, facility: Facility, service: Service, day: Day) -> Response:
    """The times of a day; where none is free, why, and what there is instead."""
    what = await reading.offered(asked, facility, service)
    halves = await reading.times(asked, what, day)
    nothing = None if any(half.free for half in halves) else await instead.of_day(asked, what, day)
    return page(
        request, "times.html", what=what, day=day, halves=halves, path=what.path, key=ids.opaque_key(), move=None,
        typed=NOTHING, error=None, nothing=nothing,
    )  # fmt: skip
