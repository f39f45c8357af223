"""One search box: words of an emergency first, then services, papers and places; and a service wherever it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.directory import finding as directory
from booking.directory import queries
from booking.directory.errors import ServiceUnknown
from booking.directory.finding import ServiceName
from booking.directory.kinds import FacilityKind
from booking.directory.queries import FacilityView
from booking.directory.rules import Understood, understand
from booking.mobile.finding import instead
from booking.mobile.finding.instead import Elsewhere
from booking.text import clean, has_control
from booking.web.dependencies import Ask, Asked
from booking.web.pages import page

router = APIRouter(include_in_schema=False)

LONGEST_SEARCH = 100
_TOGETHER = 4
_LONGEST_CODE = 64


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        suggested: services that plain words lead to.
        called: services by their own name, where plain words suggest none.
        together: places, where words name a place and lead to a service it has: facility and service.
        papers: papers that were named.
        places: facilities.
    """

    suggested: list[ServiceName]
    called: list[ServiceName]
    together: list[tuple[FacilityView, ServiceName]]
    papers: tuple[str, ...]
    places: list[FacilityView]

    @property
    def anything(self) -> bool:
        """Whether anything was found."""
        return bool(self.suggested or self.called or self.papers or self.places)


def searched(raw: str) -> str:
    """What was typed, as it can be searched for; empty for what is no text."""
    return "" if has_control(raw) else clean(raw[:LONGEST_SEARCH])


async def results(request: Request, asked: Asked, words: str) -> Response:
    """What the words lead to."""
    async with asked.db.transaction() as session:
        understood = understand(words, await directory.words(session))
        if understood.emergency:
            large = [view for view in await queries.facilities(session) if view.kind is FacilityKind.HOSPITAL]
            return page(request, "find_emergency.html", q=words, said=understood.emergency, hospitals=large)
        found = await _find(session, understood)
    return page(request, "find_results.html", q=words, found=found)


async def _find(session: AsyncSession, understood: Understood) -> Found:
    offered = await directory.services(session)
    by_code = {each.code: each for each in offered}
    suggested = [by_code[code] for code in understood.services if code in by_code]
    called = [] if suggested else directory.called(understood.text, offered)
    places = await queries.facilities(session, text=understood.text) if understood.text else []
    together: list[tuple[FacilityView, ServiceName]] = []
    if not places and understood.rest:
        places = await queries.facilities(session, text=understood.rest)
        if not suggested and not called:
            called = directory.called(understood.rest, offered)
        together = _together(places, suggested)
    return Found(suggested, called, together, understood.papers, places)


def _together(
    places: Sequence[FacilityView], suggested: Sequence[ServiceName]
) -> list[tuple[FacilityView, ServiceName]]:
    """The likeliest service of each place named beside it."""
    pairs = [
        (place, service)
        for place in places
        for service in [each for each in suggested if place.code in each.facilities][:1]
    ]
    return pairs[:_TOGETHER]


@router.get("/s")
async def services_page(request: Request, asked: Ask) -> Response:
    """Everything one can come for, wherever it is."""
    async with asked.db.transaction() as session:
        offered = await directory.services(session)
    return page(request, "find_services.html", services=offered)


@router.get("/s/{code}")
async def service_page(request: Request, asked: Ask, code: Annotated[str, Path(max_length=_LONGEST_CODE)]) -> Response:
    """A service at all facilities that offer it, the soonest free place first."""
    if has_control(code):
        raise ServiceUnknown
    async with asked.db.transaction() as session:
        service, views = await directory.service_anywhere(session, code)
    free = await instead.anywhere(asked, code, views, start=asked.now)
    return page(request, "find_service.html", service=service, free=free, full=without(views, free))


def without(views: Sequence[FacilityView], free: Sequence[Elsewhere]) -> list[FacilityView]:
    """The facilities that have nothing free."""
    having = {each.facility.code for each in free}
    return [view for view in views if view.code not in having]
