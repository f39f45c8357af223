"""The weekly timetable: a table by weekday, and the form of one session."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.availability import board
from booking.availability.board import WeeklyView
from booking.availability.commands import EndWeekly, KeepWeekly
from booking.availability.effect import BUSY, FULL
from booking.clock import local_day
from booking.desk.calendar.addresses import WeeklyId
from booking.desk.calendar.applying import Step, go
from booking.desk.calendar.typed import Typed, read, shown, typed_of
from booking.directory import marks
from booking.directory import queries as directory
from booking.directory.listing import entries
from booking.directory.models import Practitioner, Room, Service
from booking.i18n import marked as _
from booking.i18n import translate
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(
    prefix="/desk/{facility}/calendar/weekly", include_in_schema=False, dependencies=[Depends(check_origin)]
)

Keeper = Annotated[Desk, needs(Right.CALENDAR)]
_USUAL = {"weekday": "0", "starts": "07:30", "ends": "11:00", "slot_minutes": "30", "capacity": "4", "reserved": "1",
          "release_minutes": "60"}  # fmt: skip


@router.get("")
async def weekly_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """All weekly sessions, by weekday."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        found = await board.weekly_sessions(session, where.facility_id, today=today)
    weekdays = [[view for view in found if view.row.weekday == number] for number in range(7)]
    return page(
        request, "desk_calendar_weekly.html", personal=True, desk=desk, place=place, weekdays=weekdays, today=today,
        busy=_busy(found, today), full=FULL, done="done" in request.query_params,
    )  # fmt: skip


def _busy(found: list[WeeklyView], today: date) -> dict[tuple[int, int], int]:
    """Rooms (by weekday and id) with more than 50 places a day in this week."""
    places: dict[tuple[int, int], int] = {}
    for view in found:
        if view.row.room_id is not None and view.row.valid_from <= today:
            which = view.row.weekday, view.row.room_id
            places[which] = places.get(which, 0) + view.places
    return {which: number for which, number in places.items() if number > BUSY}


@router.get("/new")
async def new_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """The form of a new session."""
    typed = Typed(_USUAL | {"since": local_day(asked.now).isoformat()})
    return await _show(request, asked, desk, where, typed)


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, typed: Typed, status: int = 200, *,
    weekly: int | None = None, end: bool = False,
) -> Response:  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        view = await board.weekly_session(session, where.facility_id, weekly) if weekly is not None else None
        lists: dict[str, Any] = {
            "services": await entries(session, Service, where.facility_id),
            "practitioners": await entries(session, Practitioner, where.facility_id),
            "rooms": await entries(session, Room, where.facility_id),
        }
    return page(
        request, "desk_calendar_end.html" if end else "desk_calendar_session.html", status=status, personal=True,
        desk=desk, place=place, typed=typed, weekly=view, **lists,
    )  # fmt: skip


@router.post("/new")
async def add(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Make it, once its preview was seen."""
    typed, _form = await typed_of(request)
    step = Step(
        request, asked, desk, where, translate(asked.language, _("A new weekly session")), typed,
        lambda shown, status: _show(request, asked, desk, where, shown, status),
        f"/desk/{where.code}/calendar/weekly",
    )  # fmt: skip
    return await go(step, lambda: read(KeepWeekly, typed, asked, facility=where.code, weekly=None))


async def _typed_row(asked: Asked, where: Place, weekly: int) -> Typed:
    async with asked.db.transaction() as session:
        view = await board.weekly_session(session, where.facility_id, weekly)
    since = max(view.row.valid_from, local_day(asked.now))
    names = {
        "service": view.service.code, "practitioner": view.practitioner.code if view.practitioner else "",
        "room": view.room.code if view.room else "", "since": since, "until": view.row.valid_to,
        "seen": marks.mark(view.row),
    }  # fmt: skip
    return shown(view.row, names)


@router.get("/{weekly}")
async def one_page(request: Request, asked: Ask, desk: Keeper, where: Where, weekly: WeeklyId) -> Response:
    """One session as it is in every week."""
    typed = await _typed_row(asked, where, weekly)
    return await _show(request, asked, desk, where, typed, weekly=weekly)


@router.post("/{weekly}")
async def change(request: Request, asked: Ask, desk: Keeper, where: Where, weekly: WeeklyId) -> Response:
    """Change it from a day on."""
    await _typed_row(asked, where, weekly)  # there is none of another facility
    typed, _form = await typed_of(request)
    step = Step(
        request, asked, desk, where, translate(asked.language, _("A weekly session changes")), typed,
        lambda shown, status: _show(request, asked, desk, where, shown, status, weekly=weekly),
        f"/desk/{where.code}/calendar/weekly",
    )  # fmt: skip
    return await go(step, lambda: read(KeepWeekly, typed, asked, facility=where.code, weekly=weekly))


@router.get("/{weekly}/end")
async def end_page(request: Request, asked: Ask, desk: Keeper, where: Where, weekly: WeeklyId) -> Response:
    """From when on it takes place no more."""
    typed = await _typed_row(asked, where, weekly)
    return await _show(request, asked, desk, where, typed, weekly=weekly, end=True)


@router.post("/{weekly}/end")
async def end(request: Request, asked: Ask, desk: Keeper, where: Where, weekly: WeeklyId) -> Response:
    """Let it take place no more from a day on."""
    await _typed_row(asked, where, weekly)
    typed, _form = await typed_of(request)
    step = Step(
        request, asked, desk, where, translate(asked.language, _("A weekly session ends")), typed,
        lambda shown, status: _show(request, asked, desk, where, shown, status, weekly=weekly, end=True),
        f"/desk/{where.code}/calendar/weekly",
    )  # fmt: skip
    return await go(step, lambda: read(EndWeekly, typed, asked, facility=where.code, weekly=weekly))
