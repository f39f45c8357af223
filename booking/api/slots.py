"""What is free, slot by slot and day by day."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking.api.answers import fresh
from booking.api.shapes import DayShape, Items, SlotShape, refuses
from booking.availability.spans import bounds
from booking.availability.statements import DAYS, SLOTS
from booking.directory import queries
from booking.hot import Statement
from booking.inputs import IsoDate, ShortText
from booking.web.dependencies import Ask, Asked

router = APIRouter(prefix="/api/v1", tags=["slots"])

Facility = Annotated[ShortText, Query(description="the code of a facility", examples=["TYT-01"])]
Service = Annotated[ShortText, Query(description="the code of one of its services", examples=["kham-tong-quat"])]
From = Annotated[
    IsoDate, Query(alias="from", description="the first day, on the facility's calendar", examples=["2026-11-30"])
]
To = Annotated[IsoDate, Query(description="the last day, included; at most 62 days", examples=["2026-12-06"])]

_NOTHING = '{"items" : []}'


@router.get("/slots", response_model=Items[SlotShape], responses=refuses(400, 404, 422, 503))
async def list_slots(
    request: Request, asked: Ask, facility: Facility, service: Service, from_: From, to: To
) -> Response:
    """The times of a service, with the places that are free in each. Full and closed ones are listed too."""
    return await _listed(request, asked, SLOTS, facility, service, from_, to)


@router.get("/slots/days", response_model=Items[DayShape], responses=refuses(400, 404, 422, 503))
async def list_days(
    request: Request, asked: Ask, facility: Facility, service: Service, from_: From, to: To
) -> Response:
    """The days that have times, with the free places of each: for a month at a glance."""
    return await _listed(request, asked, DAYS, facility, service, from_, to)


async def _listed(
    request: Request, asked: Asked, statement: Statement, facility: str, service: str, first: IsoDate, last: IsoDate
) -> Response:
    start, end = bounds(first, last)
    values = {"facility": facility, "service": service, "start": start, "end": end, "now": asked.now}

    async def work() -> bytes:
        async with asked.db.hot() as hot:
            body: str = await hot.fetchval(statement.sql, *statement.arguments(values))
        if len(body) <= len(_NOTHING):
            # Nothing found is also what a mistyped code looks like; say so, but only then pay for the question.
            async with asked.db.transaction() as session:
                await queries.service(session, facility, service)
        return body.encode()

    return fresh(request, await asked.db.reading(work))
