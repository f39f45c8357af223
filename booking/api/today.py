"""Where a visit stands on its day: the number, people ahead, when it will probably be."""

from datetime import datetime

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from booking.api.answers import fresh
from booking.api.appointments import Code
from booking.api.asking import TICKET, token_of
from booking.api.shapes import refuses
from booking.appointments import refusals
from booking.appointments.errors import AppointmentUnknown
from booking.clock import ZONE, local_day
from booking.queue import queries
from booking.queue.service import POLICY
from booking.queue.standing import Stage, Standing, standing
from booking.web.dependencies import Ask

router = APIRouter(prefix="/api/v1", tags=["appointments"])


class TodayShape(BaseModel):
    """Where a visit stands. Ask again every half minute at most; the page behind the link has it live.

    `number` is given at the desk; `ahead`, `expected_from` and `expected_until` are there while `stage` is waiting.
    `minutes_late` is 0 where the session runs less than a quarter of an hour late. `at` is the moment of the estimate.
    """

    stage: Stage = Field(examples=["waiting"])
    number: str | None = Field(examples=["A012"])
    ahead: int | None = Field(examples=[5])
    expected_from: datetime | None = Field(examples=["2026-11-30T09:20:00+07:00"])
    expected_until: datetime | None = Field(examples=["2026-11-30T09:50:00+07:00"])
    room: str | None = Field(description="where one was called to", examples=[None])
    minutes_late: int = Field(examples=[0])
    at: datetime = Field(examples=["2026-11-30T08:52:10+07:00"])


@router.get(
    "/appointments/{code}/today", response_model=TodayShape, responses=refuses(404, 422, 503), openapi_extra=TICKET
)
async def get_today(asked: Ask, code: Code) -> Response:
    """The place in the line on the day of the visit. A code without its token is unknown, and so is a hold."""

    async def work() -> Standing:
        async with asked.db.hot() as hot:
            if await refusals.opened(hot, code, token_of(asked)) is None:
                raise AppointmentUnknown
        async with asked.db.transaction() as session:
            visit = await queries.visit_of(session, code)
            if visit is None:
                raise AppointmentUnknown
            board = await queries.board(session, visit.service_id, visit.day)
        return standing(board, visit, now=asked.now, today=local_day(asked.now) == visit.day, policy=POLICY)

    return fresh(asked.request, orjson.dumps(_told(await asked.db.reading(work))), personal=True)


def _told(stands: Standing) -> dict[str, object]:
    band = stands.band
    return {
        "stage": stands.stage.value,
        "number": stands.number,
        "ahead": stands.ahead,
        "expected_from": band.start.astimezone(ZONE) if band else None,
        "expected_until": band.end.astimezone(ZONE) if band else None,
        "room": stands.room,
        "minutes_late": stands.late,
        "at": stands.at.astimezone(ZONE).replace(microsecond=0),
    }
