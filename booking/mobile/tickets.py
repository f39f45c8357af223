"""The ticket, and what its holder may do with it: move or cancel. Whoever has the link has the ticket."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.appointments import service
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.appointments.kinds import AppointmentState
from booking.appointments.rules import check_changeable
from booking.clock import local_day
from booking.errors import OutcomeUnknown
from booking.mobile import addresses, reading
from booking.mobile.addresses import Code, Day, Token
from booking.mobile.calendar import earliest
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import NOTHING, slot_of
from booking.mobile.qr import qr_svg
from booking.mobile.reading import Offered, Visit
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}", dependencies=[Depends(check_origin)])


@router.get("")
async def ticket_page(
    request: Request, asked: Ask, code: Code, token: Token, new: Annotated[str, Query()] = ""
) -> Response:
    """The ticket as it stands."""
    visit = await reading.visit(asked, code, token)
    if visit.state in ("held", "lapsed"):
        return see_other(request, f"/h/{code}/{token}")
    what = await _what(asked, visit)
    changeable = visit.state == "booked" and asked.now < datetime.fromisoformat(visit.view["change_until"])
    return page(
        request, "ticket.html", personal=True, visit=visit, view=visit.view, what=what, changeable=changeable,
        qr=qr_svg(asked.link(code, token)), over=_is_over(visit, asked), new=new if new in ("1", "moved") else "",
    )  # fmt: skip


def _is_over(visit: Visit, asked: Asked) -> bool:
    return datetime.fromisoformat(visit.view["slot"]["end"]) <= asked.now


async def _what(asked: Asked, visit: Visit) -> Offered:
    return await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])


async def _changeable(asked: Asked, code: str, token: str) -> tuple[Visit, Offered]:
    """The visit, if its holder may still change it.

    Raises:
        NotChangeable, TooLateToChange: with the facility's telephone where it is known.
    """
    visit = await reading.visit(asked, code, token)
    what = await _what(asked, visit)
    state, start = AppointmentState(visit.state), datetime.fromisoformat(visit.view["slot"]["start"])
    check_changeable(state, start, what.service.cancel_minutes, phone=what.facility.phone, now=asked.now)
    return visit, what


@router.get("/cancel")
async def cancel_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """One clear question."""
    visit = await reading.visit(asked, code, token)
    if visit.state == "cancelled":
        return see_other(request, visit.path)
    visit, what = await _changeable(asked, code, token)
    return page(request, "cancel.html", personal=True, visit=visit, view=visit.view, what=what)


@router.post("/cancel")
async def cancel(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Give the place up."""

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.cancel(session, code, token, CancelAppointment(), by=asked.by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(
            request, await request.form(), action=request.url.path, check=request.url.path.removesuffix("/cancel")
        )
    return see_other(request, f"/t/{code}/{token}")


@router.get("/move")
async def move_days_page(
    request: Request, asked: Ask, code: Code, token: Token, start: Annotated[str | None, Query()] = None
) -> Response:
    """Days to move to."""
    visit, what = await _changeable(asked, code, token)
    days = await reading.days(asked, what, start=addresses.read_day(start) if start else None)
    return page(
        request, "days.html", personal=True, what=what, days=days, first=earliest(days.months),
        path=f"{visit.path}/move", move=visit,
    )  # fmt: skip


@router.get("/move/{day}")
async def move_times_page(request: Request, asked: Ask, code: Code, token: Token, day: Day) -> Response:
    """Times to move to."""
    visit, what = await _changeable(asked, code, token)
    return await _times(request, asked, visit, what, day)


async def _times(
    request: Request, asked: Asked, visit: Visit, what: Offered, day: date, *, error: str | None = None
) -> Response:
    return page(
        request, "times.html", status=422 if error else 200, personal=True, what=what, day=day,
        halves=await reading.times(asked, what, day), path=f"{visit.path}/move", key="", move=visit, typed=NOTHING,
        error=error,
    )  # fmt: skip


@router.post("/move")
async def move_without_day(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """A time that was offered in place of a full one."""
    return await move(request, asked, code, token, local_day(asked.now))


@router.post("/move/{day}")
async def move(request: Request, asked: Ask, code: Code, token: Token, day: Day) -> Response:
    """Take the new time, then free the old one."""
    form = await request.form()
    slot = slot_of(form)
    if slot is None:
        visit, what = await _changeable(asked, code, token)
        return await _times(request, asked, visit, what, day, error="missing")
    command = RescheduleAppointment(slot=slot)

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.reschedule(
                session, code, token, command, by=asked.by, now=asked.now,
                per_phone=asked.settings.limit_phone_per_day,
            )  # fmt: skip

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=f"/t/{code}/{token}")
    return see_other(request, f"/t/{code}/{token}?new=moved")
