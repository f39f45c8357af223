"""A day: what takes place, what is closed and why; what the day is; one session otherwise on this day alone."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.access.errors import RightMissing
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.availability import board
from booking.availability.commands import ChangeSession, ClearDay, MarkDay, RestoreSession
from booking.availability.kinds import DayKind
from booking.clock import local_day
from booking.desk.calendar.addresses import OnDay, WeeklyId, closing_path
from booking.desk.calendar.applying import Step, go
from booking.desk.calendar.typed import Typed, read, shown, typed_of
from booking.directory import marks
from booking.directory import queries as directory
from booking.i18n import marked as _
from booking.i18n import translate
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, said_day

router = APIRouter(
    prefix="/desk/{facility}/calendar/days/{day}", include_in_schema=False, dependencies=[Depends(check_origin)]
)

Keeper = Annotated[Desk, needs(Right.CALENDAR)]
_ONE_DAY = timedelta(days=1)
ALL = "all"


@router.get("")
async def day_page(request: Request, asked: Ask, desk: Keeper, where: Where, day: OnDay) -> Response:
    """A day with its sessions and times."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        sessions = await board.day_sessions(session, where.facility_id, day)
        special = await board.special_days(session, where.facility_id, day, day)
    return page(
        request, "desk_calendar_day.html", personal=True, desk=desk, place=place, day=day, sessions=sessions,
        special=special[-1] if special else None, off=board.OFF, before=_other(day, -1), after=_other(day, 1),
        past=day < local_day(asked.now), closing=closing_path(request, where.code),
        done="done" in request.query_params,
    )  # fmt: skip


def _other(day: date, step: int) -> date:
    return day + step * _ONE_DAY if date.min < day < date.max else day


@router.get("/mark")
async def mark_page(
    request: Request, asked: Ask, desk: Keeper, where: Where, day: OnDay, scope: Annotated[str, Query()] = ""
) -> Response:
    """What the day is, for this facility; for all of them where one keeps the whole city."""
    everywhere = _everywhere(desk, where, scope)
    async with asked.db.transaction() as session:
        row = await board.special_day(session, None if everywhere else where.facility_id, day)
    typed = Typed({"kind": DayKind.LOCAL_CLOSURE.value}) if row is None else shown(row)
    typed = replace(typed, values={**typed.values, "seen": marks.mark(row), "scope": ALL if everywhere else ""})
    return await _show_mark(request, asked, desk, where, day, typed)


def _everywhere(desk: Desk, where: Place, scope: str) -> bool:
    if scope == ALL and not at_desk.over_city(desk, where):
        raise RightMissing
    return scope == ALL


async def _show_mark(
    request: Request, asked: Asked, desk: Desk, where: Place, day: date, typed: Typed, status: int = 200
) -> Response:
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        rows = await board.special_days(session, where.facility_id, day, day)
    return page(
        request, "desk_calendar_mark.html", status=status, personal=True, desk=desk, place=place, day=day, typed=typed,
        kinds=list(DayKind), general=next((row for row in rows if row.facility_id is None), None),
    )  # fmt: skip


@router.post("/mark")
async def mark_day(request: Request, asked: Ask, desk: Keeper, where: Where, day: OnDay) -> Response:
    """Say what the day is, or (button `clear`) that it is an ordinary one."""
    typed, _form = await typed_of(request)
    facility = None if _everywhere(desk, where, typed["scope"]) else where.code
    clear = bool(typed["clear"])
    heading = _("%(day)s is an ordinary day again") if clear else "%(day)s: %(name)s"
    step = Step(
        request, asked, desk, where,
        translate(asked.language, heading) % {"day": said_day(day, asked.language), "name": typed["name"]},
        typed, lambda shown, status: _show_mark(request, asked, desk, where, day, shown, status),
        f"/desk/{where.code}/calendar/days/{day.isoformat()}",
    )  # fmt: skip
    if clear:
        return await go(step, lambda: read(ClearDay, typed, asked, facility=facility, day=day))
    return await go(step, lambda: read(MarkDay, typed, asked, facility=facility, day=day))


@router.get("/sessions/{weekly}")
async def session_page(
    request: Request, asked: Ask, desk: Keeper, where: Where, day: OnDay, weekly: WeeklyId
) -> Response:
    """One session on this day."""
    async with asked.db.transaction() as session:
        view = await board.weekly_session(session, where.facility_id, weekly)
        change = await board.change_of(session, weekly, day)
    held = "1" if change is None or change.held else ""
    typed = shown(change or view.row, {"seen": marks.mark(change), "held": held, "changed": change is not None})
    return await _show_session(request, asked, desk, where, (day, weekly), typed)


async def _show_session(
    request: Request, asked: Asked, desk: Desk, where: Place, which: tuple[date, int], typed: Typed, status: int = 200
) -> Response:
    day, weekly = which
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        view = await board.weekly_session(session, where.facility_id, weekly)
    return page(
        request, "desk_calendar_one_day.html", status=status, personal=True, desk=desk, place=place, day=day,
        weekly=view, typed=typed,
    )  # fmt: skip


@router.post("/sessions/{weekly}")
async def change_session(
    request: Request, asked: Ask, desk: Keeper, where: Where, day: OnDay, weekly: WeeklyId
) -> Response:
    """Let it be otherwise on this day, not take place (button `cancel`), or be as always (button `restore`)."""
    typed, _form = await typed_of(request)
    async with asked.db.transaction() as session:
        view = await board.weekly_session(session, where.facility_id, weekly)
    restore, cancel = bool(typed["restore"]), bool(typed["cancel"])
    heading = _("%(service)s on %(day)s otherwise")
    if restore or cancel:
        heading = _("%(service)s on %(day)s as in other weeks") if restore else _("No %(service)s on %(day)s")
    words = {"service": view.service.name, "day": said_day(day, asked.language)}
    if asked.language == "en":
        words["service"] = view.service.name_en
    step = Step(
        request, asked, desk, where, translate(asked.language, heading) % words, typed,
        lambda shown, status: _show_session(request, asked, desk, where, (day, weekly), shown, status),
        f"/desk/{where.code}/calendar/days/{day.isoformat()}",
    )  # fmt: skip
    given = {"facility": where.code, "weekly": weekly, "day": day}
    if restore:
        return await go(step, lambda: read(RestoreSession, typed, asked, **given))
    return await go(step, lambda: read(ChangeSession, typed, asked, **given, held=not cancel))
