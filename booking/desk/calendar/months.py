"""The month, the days that are not ordinary, and who sits in times that are closed."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.inside import inside
from booking.availability import board
from booking.availability.board import DaySum
from booking.availability.models import CalendarDay
from booking.availability.rules import days_between
from booking.clock import local_day
from booking.desk.calendar.addresses import closing_path, read_day
from booking.desk.calendar.applying import named
from booking.directory import queries as directory
from booking.directory.listing import entries
from booking.directory.models import Room, Service
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Where, needs
from booking.web.dependencies import Ask
from booking.web.pages import page, see_other

router = APIRouter(prefix="/desk/{facility}/calendar", include_in_schema=False)

Keeper = Annotated[Desk, needs(Right.CALENDAR)]
_MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")
_AHEAD = 400
"""Days looked ahead for days off: a year and a bit, so that next year's holidays are in sight."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the month's grid. `special` is what the calendar says of it, the facility's own word before all's."""

    day: date
    sum: DaySum | None
    special: CalendarDay | None
    planned: bool


@router.get("")
async def month_page(
    request: Request, asked: Ask, desk: Keeper, where: Where, month: Annotated[str, Query()] = ""
) -> Response:
    """A month as a grid of days."""
    today = local_day(asked.now)
    first = date.fromisoformat(f"{month}-01") if _MONTH.fullmatch(month) else today.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        sums = await board.month(session, where.facility_id, first, last)
        special = await board.special_days(session, where.facility_id, first, last)
        weekly = await board.weekly_sessions(session, where.facility_id, today=first)
        to_move = await board.to_move(session, where.facility_id, now=asked.now)
    calendar = board.calendar_of(special)
    words = {row.day: row for row in special}  # the facility's own comes after everybody's
    cells = [
        Cell(
            day, sums.get(day), words.get(day),
            any(each.rule.runs(day, calendar.works_as(where.facility_id, day)) for each in weekly),
        )
        for day in days_between(first, last)
    ]  # fmt: skip
    return page(
        request, "desk_calendar_month.html", personal=True, desk=desk, place=place, cells=cells, first=first,
        today=today, column=first.weekday(), before=(first - timedelta(days=1)), after=last + timedelta(days=1),
        off=board.OFF, to_move=sum(slot.excess for slot in to_move), done="done" in request.query_params,
    )  # fmt: skip


@router.get("/off")
async def off_page(
    request: Request, asked: Ask, desk: Keeper, where: Where, day: Annotated[str, Query()] = ""
) -> Response:
    """Holidays, make-up days and closures to come, and the way to one more."""
    if day:
        chosen = read_day(day)
        return see_other(request, f"/desk/{where.code}/calendar/days/{chosen.isoformat()}/mark")
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        rows = await board.special_days(session, where.facility_id, today, today + timedelta(days=_AHEAD))
    return page(
        request, "desk_calendar_off.html", personal=True, desk=desk, place=place, rows=rows, today=today,
        done="done" in request.query_params,
    )  # fmt: skip


@router.get("/inside")
async def inside_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Everybody in a time that is closed, or has fewer places than people: each is to be moved, or told."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        slots = await board.to_move(session, where.facility_id, now=asked.now)
        people = await inside(session, [slot.id for slot in slots])
        shown = named(desk, people)
        for one in shown:
            read_by_staff(
                session, one.patient, by=at_desk.actor(asked, desk), now=asked.now, facility=where.code,
                reason="calendar",
            )  # fmt: skip
        services = {row.id: row for row in await entries(session, Service, where.facility_id)}
        rooms = {row.id: row.name for row in await entries(session, Room, where.facility_id)}
    who = {slot.id: [one for one in shown if one.slot_id == slot.id] for slot in slots}
    booked = {slot.id: sum(one.slot_id == slot.id for one in people) for slot in slots}
    return page(
        request, "desk_calendar_inside.html", personal=True, desk=desk, place=place, slots=slots, who=who,
        booked=booked, services=services, rooms=rooms, closing=closing_path(request, where.code),
        done="done" in request.query_params,
    )  # fmt: skip
