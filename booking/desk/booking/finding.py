"""The one field, whom it finds, and the earliest fitting time: everything a booking needs, on one page.

Searching is a POST that changes nothing: names, numbers and cards have no business in addresses, which histories and
logs keep.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import for_others
from booking.appointments.for_others import Free
from booking.desk.booking.work import Offered, Work, Working, day_of, offered, rendered, uuid_of
from booking.directory.models import Service
from booking.directory.queries import ServiceView
from booking.errors import BookingError
from booking.patients import searching
from booking.patients.searching import Query as Search
from booking.records import at_facility, finding
from booking.records.finding import Found
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.problems import status_of

router = APIRouter(prefix="/desk/{facility}", include_in_schema=False, dependencies=[Depends(check_origin)])

_HALVES = {"morning": True, "afternoon": False}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page asks for.

    Attributes:
        q: what was typed or scanned.
        who: patient and mark of whoever is chosen.
        service: a code; empty for the one she came for last.
        start: not before this day.
        half: morning, afternoon or empty.
        slot: the chosen time, where one was.
    """

    q: str = ""
    who: str = ""
    service: str = ""
    start: date | None = None
    half: str = ""
    slot: str = ""

    @property
    def patient(self) -> str:
        """Of `who`."""
        return self.who.partition(":")[0]

    @property
    def mark(self) -> str:
        """Of `who`."""
        return self.who.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody found, as the page lists her; `who` names her in the form."""

    found: Found
    who: str


@dataclass(slots=True)
class Results:
    """What the page shows."""

    wish: Wish
    search: Search
    what: Offered
    people: list[Person] = field(default_factory=list)
    more: bool = False
    chosen: str = ""
    service: ServiceView | None = None
    free: list[Free] = field(default_factory=list)
    key: str = field(default_factory=ids.opaque_key)
    error: tuple[str, str] | None = None


def wish_of(form: FormData) -> Wish:
    """What a form of this page says."""
    half = text_of(form, "half")
    return Wish(
        text_of(form, "q"), text_of(form, "who"), text_of(form, "service"), day_of(text_of(form, "start")),
        half if half in _HALVES else "", text_of(form, "slot"),
    )  # fmt: skip


@router.get("/book")
async def field_page(
    request: Request,
    work: Working,
    patient: Annotated[str, Query()] = "",
    mark: Annotated[str, Query()] = "",
    service: Annotated[str, Query()] = "",
    start: Annotated[str, Query()] = "",
) -> Response:
    """The one field; or, with `patient`, times for somebody this desk knows already, of a service and from a day."""
    if patient:
        wish = Wish(who=f"{patient[:64]}:{mark[:64]}", service=service[:64], start=day_of(start))
        return await show(request, work, wish)
    async with work.asked.db.transaction() as session:
        what = await offered(session, work)
    return await rendered(request, work, "desk_book.html", what=what)


@router.post("/book")
async def search(request: Request, work: Working) -> Response:
    """Whom the field means, and the times for her. Changes nothing; each person shown is written into the audit."""
    wish = wish_of(await request.form())
    query = searching.read_query(wish.q)
    if query.code is not None and not wish.who:
        async with work.asked.db.transaction() as session:
            place = await at_facility.place_of(session, query.code, work.looking("search").scope)
        if place is not None:
            return see_other(request, f"/desk/{place}/appointments/{query.code}")
    return await show(request, work, wish)


async def show(request: Request, work: Work, wish: Wish, error: BookingError | None = None) -> Response:
    """The page with people and times."""
    async with work.asked.db.transaction() as session:
        results = await _results(session, work, wish)
    results.error = work.said(error)
    status = status_of(error) if error is not None else 200
    return await rendered(
        request,
        work,
        "desk_book_results.html",
        echo=error is None,
        status=status,
        results=results,
        today=work.today,
    )


async def _results(session: AsyncSession, work: Work, wish: Wish) -> Results:
    query, what = searching.read_query(wish.q), await offered(session, work)
    results = Results(wish, query, what)
    found = await _found(session, work, wish, query)
    results.more = len(found) > finding.MOST
    results.people = [Person(one, f"{one.id}:{work.mark(one.id)}") for one in found[: finding.MOST]]
    results.chosen = next((one.who for one in results.people if str(one.found.id) == wish.patient), "")
    if not results.people:
        return results
    results.chosen = results.chosen or results.people[0].who
    who = next(one.found for one in results.people if one.who == results.chosen)
    results.service = what.chosen(wish.service, who.service)
    if results.service is not None:
        service_id = await _service_id(session, work, results.service.code)
        listed = [one.found.patient_id for one in results.people]
        results.free = await for_others.earliest(
            session, service_id, now=work.asked.now, first=wish.start, morning=_HALVES.get(wish.half), patients=listed,
        )  # fmt: skip
    return results


async def _found(session: AsyncSession, work: Work, wish: Wish, query: Search) -> list[Found]:
    if wish.q:
        return await finding.find(session, query, work.looking("search"))
    if not wish.who:
        return []
    patient = uuid_of(wish.patient)
    shown = work.was_shown(patient, wish.mark)
    return [(await finding.one(session, patient, work.looking("book"), shown=shown))[1]]


async def _service_id(session: AsyncSession, work: Work, code: str) -> int:
    query = select(col(Service.id)).where(col(Service.facility_id) == work.where.facility_id, col(Service.code) == code)
    return (await session.execute(query)).scalar_one() or 0
