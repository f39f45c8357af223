"""The nearest places. A position is sent only on a click, rounded to a hundred metres, and nothing keeps it.

It comes as a form, not in an address: an address stands in histories and logs. The page is made and the position gone.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.directory import finding as directory
from booking.directory import queries
from booking.directory.errors import ServiceUnknown
from booking.directory.finding import ServiceName
from booking.directory.queries import FacilityView
from booking.directory.rules import Position, read_position
from booking.i18n import Language
from booking.mobile.finding import instead
from booking.mobile.finding.searching import LONGEST_SEARCH
from booking.mobile.finding.wards import by_ward, large
from booking.text import has_control
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin), Depends(counted)])

MOST = 8
"""Places shown."""


@dataclass(frozen=True, slots=True)
class NearPlace:
    """A facility, its distance in words' numbers, and the soonest free place of the service asked for, if one was."""

    facility: FacilityView
    km: str
    start: datetime | None
    path: str


def kilometres(km: float, language: Language) -> str:
    """`0,8` in Vietnamese, `0.8` in English; whole from ten on. Never 0: the position is rounded."""
    shown = f"{max(km, 0.1):.1f}" if km < 10 else f"{km:.0f}"  # noqa: PLR2004  kilometres
    return shown.replace(".", ",") if language == "vi" else shown


@router.get("/near")
async def near_page(request: Request, asked: Ask) -> Response:
    """Whoever comes here by an address has sent no position."""
    return await _shown(request, asked, None, "")


@router.post("/near")
async def near(request: Request, asked: Ask) -> Response:
    """The places nearest to a position; changes nothing."""
    form = await request.form()
    here = read_position(text_of(form, "latitude"), text_of(form, "longitude"))
    return await _shown(request, asked, here, text_of(form, "service"))


async def _shown(request: Request, asked: Asked, here: Position | None, code: str) -> Response:
    service: ServiceName | None = None
    async with asked.db.transaction() as session:
        views = await queries.facilities(session)
        if code and not has_control(code) and len(code) <= LONGEST_SEARCH:
            try:
                service, views = await directory.service_anywhere(session, code)
            except ServiceUnknown:  # it was taken out meanwhile: the places are of use all the same
                service = None
    views = [view for view in views if view.bookable]
    found = directory.by_distance(views, here)[:MOST] if here else []
    known = any(view.latitude is not None and view.longitude is not None for view in views)
    free = {}
    if found and service:
        free = {
            each.facility.code: each for each in await instead.anywhere(asked, service.code, views, start=asked.now)
        }
    places = [
        NearPlace(each.facility, kilometres(each.km, asked.language), *_where(each.facility, service, free))
        for each in found
    ]
    unknown = [view for view in views if view.latitude is None or view.longitude is None]
    left = unknown if places else views
    return page(
        request, "find_near.html", personal=True, places=places, sent=here is not None, known=known, service=service,
        large=large(left), wards=by_ward(left),
    )  # fmt: skip


def _where(
    facility: FacilityView, service: ServiceName | None, free: dict[str, instead.Elsewhere]
) -> tuple[datetime | None, str]:
    """The soonest free place and the address to go on at."""
    if service is None:
        return None, f"/f/{facility.code}"
    soonest = free.get(facility.code)
    path = f"/f/{facility.code}/{service.code}"
    return (soonest.start, f"{path}/{local_day(soonest.start)}") if soonest else (None, path)
