"""Keeping a place while somebody types, and letting go of it."""

from contextlib import suppress
from datetime import date, datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking import ids
from booking.appointments import service
from booking.appointments.caps import caps_of
from booking.appointments.commands import HoldPlace
from booking.appointments.errors import AppointmentUnknown, TooManyHolds
from booking.appointments.kinds import Channel
from booking.appointments.rules import HOLDS_PER_DEVICE
from booking.appointments.service import Ticket
from booking.errors import OutcomeUnknown
from booking.mobile import reading
from booking.mobile.addresses import Code, Day, Facility, Service, Token
from booking.mobile.booking import choosing
from booking.mobile.booking.details import people_of, show_form
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import Typed, key_of, slot_of
from booking.trail.keys import IdempotencyKey
from booking.web import device
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.signed_in import current

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.post("/f/{facility}/{service}/{day}")
async def keep_place(request: Request, asked: Ask, facility: Facility, service: Service, day: Day) -> Response:
    """Hold the chosen time. What was typed for a time that lapsed comes along and is shown again."""
    form = await request.form()
    slot = slot_of(form)
    if slot is None:
        return await _choose_first(request, asked, facility, service, day, choosing.keep(form))
    command = HoldPlace(facility=facility, service=service, slot=slot, language=asked.language)
    key = key_of(device.scope(request), "hold", form, command)
    try:
        ticket = await asked.db.until_known(lambda: _hold(request, asked, command, key))
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    code, typed = ticket.view["code"], choosing.keep(form)
    if typed.anything and (who := await current(request, asked)) is not None and not who.needs_birth:
        visit = await reading.visit(asked, code, ticket.token)
        people = await people_of(asked, who.who)
        answer = show_form(request, asked, visit, people, choosing.again(typed, people))
    else:
        answer = see_other(request, f"/h/{code}/{ticket.token}")
    _remember(request, answer, f"{code}.{ticket.token}")
    return answer


async def _hold(request: Request, asked: Asked, command: HoldPlace, key: IdempotencyKey) -> Ticket:
    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            await check_address(hot, asked, what="hold")
            return await service.hold(
                hot, command, by=asked.by, now=asked.now, key=key, channel=Channel.MOBILE,
                device=device.index(request),
                device_known=device.mark(request) is not None, minutes=asked.settings.hold_minutes,
                caps=caps_of(asked.settings),
            )  # fmt: skip

    try:
        return await work()
    except TooManyHolds:
        # Whoever looks at a third time has left the first one: let go of it rather than send her away.
        if not await _let_go_oldest(request, asked):
            raise
        return await work()


def _kept(request: Request) -> list[str]:
    sent = request.cookies.get(device.cookie_name(request, "holds"), "")
    return [part for part in sent.split("~") if part.count(".") == 1][:HOLDS_PER_DEVICE]


def _remember(request: Request, answer: Response, hold: str) -> None:
    kept = [hold, *(part for part in _kept(request) if part != hold)][:HOLDS_PER_DEVICE]
    device.set_cookie(request, answer, "holds", "~".join(kept), max_age=3600)


def forget_holds(request: Request, answer: Response) -> None:
    """Take away the addresses of kept places: the next one at this telephone is somebody else."""
    device.set_cookie(request, answer, "holds", "", max_age=0)


async def _let_go_oldest(request: Request, asked: Asked) -> bool:
    for kept in reversed(_kept(request)):
        code, token = kept.split(".")
        with suppress(AppointmentUnknown):
            if await _let_go(asked, code, token):
                return True
    return False


async def _let_go(asked: Asked, code: str, token: str) -> bool:
    async with asked.db.transaction() as session:
        return await service.let_go(session, code, token, by=asked.by, now=asked.now)


async def _choose_first(
    request: Request, asked: Asked, facility: str, service: str, day: date, typed: Typed
) -> Response:
    what = await reading.offered(asked, facility, service)
    halves = await reading.times(asked, what, day)
    return page(
        request, "times.html", status=422, what=what, day=day, halves=halves, path=what.path, key=ids.opaque_key(),
        move=None, typed=typed, error="missing",
    )  # fmt: skip


@router.post("/h/{code}/{token}/drop")
async def drop(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Let go of a kept place and choose another time."""
    visit = await reading.visit(asked, code, token)
    await asked.db.until_known(lambda: _let_go(asked, code, token))
    day = datetime.fromisoformat(visit.view["slot"]["start"]).date()
    return see_other(request, f"/f/{visit.view['facility']['code']}/{visit.view['service']['code']}/{day}")


@router.get("/h/{code}/{token}/drop")
async def drop_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Whoever comes here by an address sees the form."""
    visit = await reading.visit(asked, code, token)
    return see_other(request, f"/h/{visit.code}/{visit.token}")
