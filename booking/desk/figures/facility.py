"""The figures of one facility: a page, its tables as files, and the SMS that did not arrive."""

from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.desk.figures import drawing, files
from booking.desk.figures.asked import csv_file, days_of, named, strictly, xlsx_file
from booking.directory import listing
from booking.directory import queries as directory
from booking.directory.models import Service
from booking.errors import NotFound
from booking.figures import queries, undelivered
from booking.figures.rules import FEW, MOST_DAYS, TARGET_MINUTES
from booking.i18n import translate
from booking.web.at_desk import Where, needs
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/figures", include_in_schema=False)

Reader = Annotated[Desk, needs(Right.REPORTS)]


@router.get("")
async def figures_page(request: Request, asked: Ask, desk: Reader, where: Where) -> Response:
    """The figures of a span of days."""
    days = days_of(request, asked)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code)
        found = await queries.of_one(session, where.facility_id, days.span, now=asked.now)
        services = await _services(session, where.facility_id)
    return page(
        request, "desk_figures.html", status=days.status, personal=True, desk=desk, place=place, days=days,
        base=f"/desk/{where.code}/figures", found=found, total=found.total, services=services, few=FEW,
        target=TARGET_MINUTES, most_days=MOST_DAYS, drawn=drawing.of(found, asked.language),
        weekdays=[translate(asked.language, one) for one in files.WEEKDAYS],
    )  # fmt: skip


@router.get("/tables/{table}.csv", dependencies=[needs(Right.REPORTS)])
async def table_file(request: Request, asked: Ask, where: Where, table: str) -> Response:
    """One table as CSV."""
    if table not in files.TITLES:
        raise NotFound
    span = strictly(request, asked)
    async with asked.db.transaction() as session:
        found = await queries.of_one(session, where.facility_id, span, now=asked.now)
        services = await _services(session, where.facility_id)
    sheet = files.table(found, table, services, asked.language)
    return csv_file(sheet, f"{named(where.code, span)}-{table}", asked.language)


@router.get("/all.xlsx", dependencies=[needs(Right.REPORTS)])
async def all_file(request: Request, asked: Ask, where: Where) -> Response:
    """All tables as XLSX."""
    span = strictly(request, asked)
    async with asked.db.transaction() as session:
        found = await queries.of_one(session, where.facility_id, span, now=asked.now)
        services = await _services(session, where.facility_id)
    return xlsx_file(files.tables(found, services, asked.language), named(where.code, span), asked)


@router.get("/undelivered")
async def undelivered_page(request: Request, asked: Ask, desk: Reader, where: Where) -> Response:
    """SMS that did not arrive, each with where to go on. No name and no number stands here."""
    days = days_of(request, asked)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code)
        found = await undelivered.at_facility(session, where.facility_id, days.span)
    return page(
        request, "desk_figures_lost.html", status=days.status, personal=True, desk=desk, place=place, days=days,
        base=f"/desk/{where.code}/figures/undelivered", lost=found, most=undelivered.MOST, most_days=MOST_DAYS,
    )  # fmt: skip


async def _services(session: AsyncSession, facility_id: int) -> dict[int, Service]:
    return {one.id or 0: one for one in await listing.entries(session, Service, facility_id)}
