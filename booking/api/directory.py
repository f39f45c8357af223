"""Facilities and their services."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from booking.api.answers import fresh, items, one
from booking.api.shapes import Items, refuses
from booking.directory import queries
from booking.directory.kinds import FacilityKind
from booking.directory.queries import FacilityView, ServiceView
from booking.inputs import ShortText
from booking.web.dependencies import Ask

router = APIRouter(prefix="/api/v1", tags=["directory"])

Code = Annotated[ShortText, Path(description="the code of the facility", examples=["TYT-01"])]


@router.get("/facilities", response_model=Items[FacilityView], responses=refuses(400, 422, 503))
async def list_facilities(
    request: Request,
    asked: Ask,
    q: Annotated[
        str | None,
        Query(max_length=100, description="words of an old or new name, accents or not", examples=["thang tam"]),
    ] = None,
    ward: Annotated[str | None, Query(max_length=100, description="an old or new ward, as it is written")] = None,
    kind: FacilityKind | None = None,
) -> Response:
    """Search facilities by old or new name or ward; a name typed as it is comes first, then the hospital."""

    async def work() -> bytes:
        async with asked.db.transaction() as session:
            return items(await queries.facilities(session, text=q, ward=ward, kind=kind))

    return fresh(request, await asked.db.reading(work))


@router.get("/facilities/{code}", response_model=FacilityView, responses=refuses(400, 404, 422, 503))
async def get_facility(request: Request, asked: Ask, code: Code) -> Response:
    """One facility."""

    async def work() -> bytes:
        async with asked.db.transaction() as session:
            return one(await queries.facility(session, code))

    return fresh(request, await asked.db.reading(work))


@router.get("/facilities/{code}/services", response_model=Items[ServiceView], responses=refuses(400, 404, 422, 503))
async def list_services(request: Request, asked: Ask, code: Code) -> Response:
    """What one can come for, with what to bring and how late one may book, move or cancel."""

    async def work() -> bytes:
        async with asked.db.transaction() as session:
            return items(await queries.services(session, code))

    return fresh(request, await asked.db.reading(work))
