"""Moving a visit: the new place is taken before the old one is free."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.appointments import service
from booking.appointments.caps import caps_of
from booking.appointments.commands import RescheduleAppointment
from booking.clock import local_day
from booking.errors import OutcomeUnknown
from booking.mobile import addresses, reading
from booking.mobile.addresses import Code, Day, Token
from booking.mobile.confirming import still_confirming
from booking.mobile.finding.calendar import earliest
from booking.mobile.forms import NOTHING, slot_of
from booking.mobile.reading import Offered, Visit
from booking.mobile.slip.tickets import changeable
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}/move", dependencies=[Depends(check_origin)])


@router.get("")
async def move_days_page(
    request: Request, asked: Ask, code: Code, token: Token, start: Annotated[str | None, Query()] = None
) -> Response:
    """Days to move to."""
    visit, what = await changeable(asked, code, token)
    days = await reading.days(asked, what, start=addresses.read_day(start) if start else None)
    return page(
        request, "days.html", personal=True, what=what, days=days, first=earliest(days.months),
        path=f"{visit.path}/move", move=visit, notices=await reading.notices(asked, what),
        old_since=await reading.old_since(asked, what),
    )  # fmt: skip


@router.get("/{day}")
async def move_times_page(request: Request, asked: Ask, code: Code, token: Token, day: Day) -> Response:
    """Times to move to."""
    visit, what = await changeable(asked, code, token)
    return await _times(request, asked, visit, what, day)


async def _times(
    request: Request, asked: Asked, visit: Visit, what: Offered, day: date, *, error: str | None = None
) -> Response:
    return page(
        request, "times.html", status=422 if error else 200, personal=True, what=what, day=day,
        halves=await reading.times(asked, what, day), path=f"{visit.path}/move", key="", move=visit, typed=NOTHING,
        error=error,
    )  # fmt: skip


@router.post("")
async def move_without_day(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """A time that was offered in place of a full one."""
    return await move(request, asked, code, token, local_day(asked.now))


@router.post("/{day}")
async def move(request: Request, asked: Ask, code: Code, token: Token, day: Day) -> Response:
    """Take the new time, then free the old one."""
    form = await request.form()
    slot = slot_of(form)
    if slot is None:
        visit, what = await changeable(asked, code, token)
        return await _times(request, asked, visit, what, day, error="missing")
    command = RescheduleAppointment(slot=slot)

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.reschedule(
                session, code, token, command, by=asked.by, now=asked.now,
                per_phone=asked.settings.limit_phone_per_day, since=caps_of(asked.settings).since(asked.now),
            )  # fmt: skip

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=f"/t/{code}/{token}")
    return see_other(request, f"/t/{code}/{token}?new=moved")
