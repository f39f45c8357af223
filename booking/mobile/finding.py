"""Where, what for, which day, which time: pages that only read."""

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking import ids
from booking.directory import queries
from booking.directory.kinds import FacilityKind
from booking.directory.queries import FacilityView
from booking.mobile import addresses, reading
from booking.mobile.addresses import Day, Facility, Service
from booking.mobile.calendar import earliest
from booking.mobile.forms import NOTHING
from booking.text import clean, has_control, plain_sort_key
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(include_in_schema=False)

_LONGEST_SEARCH = 100


@router.get("/")
async def home(request: Request, asked: Ask, q: Annotated[str, Query()] = "") -> Response:
    """All facilities, or those a search found: the hospital, the centre, then the stations by new ward."""
    searched = "" if has_control(q) else clean(q[:_LONGEST_SEARCH])
    async with asked.db.transaction() as session:
        found = await queries.facilities(session, text=searched)
    large = [view for view in found if view.kind is not FacilityKind.HEALTH_STATION]
    return page(request, "home.html", q=searched, large=large, wards=_by_ward(found), number=len(found))


def _by_ward(found: list[FacilityView]) -> list[tuple[str | None, list[FacilityView]]]:
    stations = [view for view in found if view.kind is FacilityKind.HEALTH_STATION]

    def ward(view: FacilityView) -> tuple[bool, str]:
        return view.ward_2025 is None, plain_sort_key(view.ward_2025 or "")

    return [(part[0].ward_2025, part) for _, group in groupby(sorted(stations, key=ward), ward) if (part := [*group])]


@router.get("/f/{facility}")
async def facility_page(request: Request, asked: Ask, facility: Facility) -> Response:
    """A facility and what one can come for."""
    async with asked.db.transaction() as session:
        found = await queries.facility(session, facility)
        services = await queries.services(session, facility)
        merged = await queries.facility(session, found.merged_into) if found.merged_into else None
    return page(request, "facility.html", facility=found, services=services, merged=merged)


@router.get("/f/{facility}/{service}")
async def days_page(
    request: Request, asked: Ask, facility: Facility, service: Service, start: Annotated[str | None, Query()] = None
) -> Response:
    """The days of a service."""
    what = await reading.offered(asked, facility, service)
    days = await reading.days(asked, what, start=addresses.read_day(start) if start else None)
    return page(request, "days.html", what=what, days=days, first=earliest(days.months), path=what.path, move=None)


@router.get("/f/{facility}/{service}/{day}")
async def times_page(request: Request, asked: Ask, facility: Facility, service: Service, day: Day) -> Response:
    """The times of a day."""
    what = await reading.offered(asked, facility, service)
    halves = await reading.times(asked, what, day)
    return page(
        request, "times.html", what=what, day=day, halves=halves, path=what.path, key=ids.opaque_key(), move=None,
        typed=NOTHING, error=None,
    )  # fmt: skip
