"""What patients are told, and whether the facility takes bookings."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.availability.effect import pictures
from booking.clock import local_day
from booking.desk.calendar.addresses import NoticeId
from booking.desk.calendar.applying import Step, save
from booking.desk.calendar.typed import Typed, read, shown, typed_of
from booking.directory import listing, marks, upkeep
from booking.directory import queries as directory
from booking.directory.keeping import KeepNotice, RemoveNotice, SetState
from booking.directory.kinds import FacilityState
from booking.directory.models import Service
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/calendar", include_in_schema=False, dependencies=[Depends(check_origin)])

Keeper = Annotated[Desk, needs(Right.CALENDAR)]
STATES = (FacilityState.OPEN, FacilityState.PILOT, FacilityState.PAUSED, FacilityState.NOT_YET_OPEN)


@router.get("/notices")
async def notices_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """What is told, now and later; and the facility's state."""
    return await _show_all(request, asked, desk, where, Typed())


async def _show_all(
    request: Request, asked: Asked, desk: Desk, where: Place, typed: Typed, status: int = 200
) -> Response:
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        row = await listing.facility_row(session, where.facility_id)
        found = await listing.notices(session, where.facility_id, today=today)
        services = {one.id: one for one in await listing.entries(session, Service, where.facility_id)}
        slots = await pictures(session, where.facility_id, now=asked.now)
    coming = [slot for slot in slots.values() if slot.starts_at > asked.now]
    return page(
        request, "desk_calendar_notices.html", status=status, personal=True, desk=desk, place=place, notices=found,
        marks={one.id: marks.mark(one) for one in found}, services=services, states=STATES, seen=marks.mark(row),
        state=row.state, today=today, taken=sum(slot.taken for slot in coming),
        free=sum(slot.capacity - slot.taken for slot in coming if slot.open), typed=typed,
        done="done" in request.query_params,
    )  # fmt: skip


@router.post("/state")
async def set_state(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Take bookings, or no more for now; what is booked stays."""
    step = await _step(request, asked, desk, where)

    async def work() -> None:
        command = read(SetState, step.typed, asked, facility=where.code)
        async with asked.db.transaction() as session:
            await upkeep.set_state(session, command, by=at_desk.actor(asked, desk), now=asked.now)

    return await save(step, work)


async def _step(
    request: Request, asked: Asked, desk: Desk, where: Place, *, form: bool = False, notice: int | None = None
) -> Step:
    typed, _form = await typed_of(request)

    async def show(shown: Typed, status: int) -> Response:
        if form:
            return await _show(request, asked, desk, where, shown, status, notice=notice)
        return await _show_all(request, asked, desk, where, shown, status)

    return Step(request, asked, desk, where, "", typed, show, f"/desk/{where.code}/calendar/notices")


@router.get("/notices/new")
async def new_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """The form of a new notice: from today, for a week."""
    today = local_day(asked.now)
    days = {"shown_from": today.isoformat(), "shown_until": (today + timedelta(days=6)).isoformat()}
    return await _show(request, asked, desk, where, Typed(days))


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, typed: Typed, status: int = 200, *,
    notice: int | None = None,
) -> Response:  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        services = await listing.entries(session, Service, where.facility_id)
    return page(
        request, "desk_calendar_notice.html", status=status, personal=True, desk=desk, place=place, typed=typed,
        services=services, one=notice,
    )  # fmt: skip


@router.post("/notices/new")
async def add(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Tell it."""
    return await _keep(request, asked, desk, where, None)


async def _keep(request: Request, asked: Asked, desk: Desk, where: Place, notice: int | None) -> Response:
    step = await _step(request, asked, desk, where, form=True, notice=notice)

    async def work() -> None:
        command = read(KeepNotice, step.typed, asked, facility=where.code, notice=notice)
        async with asked.db.transaction() as session:
            await upkeep.keep_notice(session, command, by=at_desk.actor(asked, desk), now=asked.now)

    return await save(step, work)


async def _there(asked: Asked, where: Place, notice: int) -> Typed:
    async with asked.db.transaction() as session:
        row = await listing.notice(session, where.facility_id, notice)
        services = {one.id: one.code for one in await listing.entries(session, Service, where.facility_id)}
    service = services[row.service_id] if row.service_id is not None else ""
    return shown(row, {"seen": marks.mark(row), "service": service})


@router.get("/notices/{notice}")
async def one_page(request: Request, asked: Ask, desk: Keeper, where: Where, notice: NoticeId) -> Response:
    """One notice."""
    return await _show(request, asked, desk, where, await _there(asked, where, notice), notice=notice)


@router.post("/notices/{notice}")
async def change(request: Request, asked: Ask, desk: Keeper, where: Where, notice: NoticeId) -> Response:
    """Tell it otherwise."""
    await _there(asked, where, notice)
    return await _keep(request, asked, desk, where, notice)


@router.post("/notices/{notice}/remove")
async def remove(request: Request, asked: Ask, desk: Keeper, where: Where, notice: NoticeId) -> Response:
    """Tell it no longer."""
    await _there(asked, where, notice)
    step = await _step(request, asked, desk, where)

    async def work() -> None:
        command = read(RemoveNotice, step.typed, asked, facility=where.code, notice=notice)
        async with asked.db.transaction() as session:
            await upkeep.remove_notice(session, command, by=at_desk.actor(asked, desk), now=asked.now)

    return await save(step, work)
