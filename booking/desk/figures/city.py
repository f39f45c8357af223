"""The figures of all facilities of one's scope side by side; places to practise are left out."""

from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.desk.figures import files
from booking.desk.figures.asked import csv_file, days_of, named, strictly, xlsx_file
from booking.directory import queries as directory
from booking.directory.queries import FacilityView
from booking.figures import queries
from booking.figures.rules import FEW, MOST_DAYS, TARGET_MINUTES
from booking.web.at_desk import needs
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(prefix="/desk/figures", include_in_schema=False)

Reader = Annotated[Desk, needs(Right.REPORTS)]


async def _scope(session: AsyncSession, desk: Desk) -> dict[int, FacilityView]:
    """The facilities of the scope by row, in the order of the directory: hospital, centre, stations."""
    mine = desk.staff.facilities
    real = await queries.real_ones(session, mine.values())
    return {mine[one.code]: one for one in await directory.facilities(session) if mine.get(one.code) in real}


@router.get("")
async def city_page(request: Request, asked: Ask, desk: Reader) -> Response:
    """Today at a glance, or another span."""
    days = days_of(request, asked)
    async with asked.db.transaction() as session:
        facilities = await _scope(session, desk)
        found = await queries.of_many(session, list(facilities), days.span, now=asked.now)
    return page(
        request, "desk_figures_city.html", status=days.status, personal=True, desk=desk, days=days,
        base="/desk/figures", found=found, total=found.total, facilities=facilities, few=FEW, target=TARGET_MINUTES,
        most_days=MOST_DAYS, most=max((row.counts.booked + row.counts.walk_ins for row in found.rows), default=0),
    )  # fmt: skip


@router.get("/all.csv")
async def city_csv(request: Request, asked: Ask, desk: Reader) -> Response:
    """The table as CSV."""
    span = strictly(request, asked)
    async with asked.db.transaction() as session:
        facilities = await _scope(session, desk)
        found = await queries.of_many(session, list(facilities), span, now=asked.now)
    return csv_file(files.city(found, facilities, asked.language), named("figures", span), asked.language)


@router.get("/all.xlsx")
async def city_xlsx(request: Request, asked: Ask, desk: Reader) -> Response:
    """The table as XLSX."""
    span = strictly(request, asked)
    async with asked.db.transaction() as session:
        facilities = await _scope(session, desk)
        found = await queries.of_many(session, list(facilities), span, now=asked.now)
    return xlsx_file([files.city(found, facilities, asked.language)], named("figures", span), asked)
