"""Keeping a place while somebody types, and making it hers."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import refusals, service
from booking.appointments.commands import BookAppointment, CancelAppointment, HoldPlace
from booking.appointments.errors import AppointmentUnknown, HoldLapsed, KeyMissing, KeyReused, SlotUnknown, TooManyHolds
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.clock import local_day
from booking.errors import BookingError, OutcomeUnknown
from booking.mobile import forms, reading
from booking.mobile.addresses import Code, Day, Facility, Service, Token
from booking.mobile.calendar import Half
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import Typed
from booking.mobile.reading import Visit
from booking.trail.keys import KEY_PATTERN, IdempotencyKey, keyed
from booking.web import device
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

_HOLDS_KEPT = 2
_LARGEST_SLOT = 2**62


@router.post("/f/{facility}/{service}/{day}")
async def keep_place(request: Request, asked: Ask, facility: Facility, service: Service, day: Day) -> Response:
    """Hold the chosen time. What was typed for a time that lapsed comes along and is shown again."""
    form = await request.form()
    slot = slot_of(form)
    if slot is None:
        return await _choose_first(request, asked, facility, service, day, forms.keep(form))
    command = HoldPlace(facility=facility, service=service, slot=slot, language=asked.language)
    key = key_of(request, "hold", form, command)
    try:
        ticket = await asked.db.until_known(lambda: _hold(request, asked, command, key))
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    code, typed = ticket.view["code"], forms.keep(form)
    if typed.anything:
        visit = await reading.visit(asked, code, ticket.token)
        answer = _form(request, asked, visit, typed)
    else:
        answer = see_other(request, f"/h/{code}/{ticket.token}")
    _remember(request, answer, f"{code}.{ticket.token}")
    return answer


async def _hold(request: Request, asked: Asked, command: HoldPlace, key: IdempotencyKey) -> Ticket:
    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            return await service.hold(
                hot, command, by=asked.by, now=asked.now, key=key, channel=Channel.MOBILE,
                device=device.index(request), minutes=asked.settings.hold_minutes,
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
    return [part for part in sent.split("~") if part.count(".") == 1][:_HOLDS_KEPT]


def _remember(request: Request, answer: Response, hold: str) -> None:
    kept = [hold, *(part for part in _kept(request) if part != hold)][:_HOLDS_KEPT]
    device.set_cookie(request, answer, "holds", "~".join(kept), max_age=3600)


async def _let_go_oldest(request: Request, asked: Asked) -> bool:
    for kept in reversed(_kept(request)):
        code, token = kept.split(".")
        async with asked.db.hot() as hot:
            row = await refusals.opened(hot, code, token)
        if row is not None and '"held"' in row["view"]:
            await let_go(asked, code, token)
            return True
    return False


async def let_go(asked: Asked, code: str, token: str) -> None:
    """Give a held place back; a visit that is booked stays."""
    if (await reading.visit(asked, code, token)).state != "held":
        return
    async with asked.db.transaction() as session:
        await service.cancel(session, code, token, CancelAppointment(), by=asked.by, now=asked.now)


async def _choose_first(
    request: Request, asked: Asked, facility: str, service: str, day: date, typed: Typed
) -> Response:
    what = await reading.offered(asked, facility, service)
    halves = await reading.times(asked, what, day)
    return page(
        request, "times.html", status=422, what=what, day=day, halves=halves, path=what.path, key=ids.opaque_key(),
        move=None, typed=typed, error="missing",
    )  # fmt: skip


def slot_of(form: FormData) -> int | None:
    """The chosen time; None when none was chosen.

    Raises:
        SlotUnknown: no time of ours has such a mark.
    """
    raw = forms.text_of(form, "slot")
    if not raw:
        return None
    if not raw.isascii() or not raw.isdecimal() or not 1 <= int(raw) <= _LARGEST_SLOT:
        raise SlotUnknown
    return int(raw)


def key_of(request: Request, operation: str, form: FormData, command: HoldPlace | BookAppointment) -> IdempotencyKey:
    """The key minted into the form, in the scope of this browser."""
    key = forms.text_of(form, "key")
    if not KEY_PATTERN.fullmatch(key):
        raise KeyMissing
    return keyed(f"{device.scope(request)}:{operation}", key, command)


@router.get("/h/{code}/{token}")
async def form_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The form for a kept place; where it is booked already, its ticket."""
    visit = await reading.visit(asked, code, token)
    if visit.state not in ("held", "lapsed"):
        return see_other(request, visit.path)
    if _is_over(visit, asked.now):
        return await _lapsed(request, asked, visit, forms.NOTHING)
    return _form(request, asked, visit, forms.NOTHING)


def _is_over(visit: Visit, now: datetime) -> bool:
    until = visit.view["expires_at"]
    return visit.state == "lapsed" or until is None or datetime.fromisoformat(until) <= now


def _form(
    request: Request,
    asked: Asked,
    visit: Visit,
    typed: Typed,
    *,
    key: str | None = None,
    error: BookingError | None = None,
    status: int = 200,
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    return page(
        request, "details.html", status=status, personal=True, visit=visit, view=visit.view, typed=typed,
        key=key or ids.opaque_key(), error=said, minutes=asked.settings.hold_minutes,
    )  # fmt: skip


@router.post("/h/{code}/{token}")
async def confirm(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Make the kept place hers. The same form again, in any way, gives the same ticket."""
    form = await request.form()
    visit = await reading.visit(asked, code, token)
    typed = forms.read(form, today=local_day(asked.now), language=asked.language)
    if visit.state not in ("held", "lapsed"):
        return see_other(request, visit.path)
    if typed.person is None:
        return _form(request, asked, visit, typed, key=forms.text_of(form, "key"), status=422)
    command = BookAppointment(hold=code, patient=typed.person, language=asked.language)
    key = key_of(request, "book", form, command)
    return await _confirmed(request, asked, visit, typed, form, _booking(asked, command, key, token))


def _booking(
    asked: Asked, command: BookAppointment, key: IdempotencyKey, token: str
) -> Callable[[], Awaitable[Ticket]]:
    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            return await service.book(
                hot, command, by=asked.by, now=asked.now, key=key, channel=Channel.MOBILE, token=token,
                per_phone=asked.settings.limit_phone_per_day,
            )  # fmt: skip

    return work


async def _confirmed(
    request: Request, asked: Asked, visit: Visit, typed: Typed, form: FormData, work: Callable[[], Awaitable[Ticket]]
) -> Response:
    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    except (HoldLapsed, KeyReused) as refused:
        now = await reading.visit(asked, visit.code, visit.token)
        if now.state not in ("held", "lapsed"):  # another tap was faster: that is the truth
            return see_other(request, visit.path)
        if isinstance(refused, HoldLapsed):
            return await _lapsed(request, asked, visit, typed)
        return _form(request, asked, visit, typed, error=refused, status=status_of(refused))
    except AppointmentUnknown:
        raise
    except BookingError as refused:
        key = forms.text_of(form, "key")
        return _form(request, asked, visit, typed, key=key, error=refused, status=status_of(refused))
    return see_other(request, f"{visit.path}?new=1")


@router.post("/h/{code}/{token}/drop")
async def drop(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Let go of a kept place and choose another time."""
    visit = await reading.visit(asked, code, token)
    await asked.db.until_known(lambda: let_go(asked, code, token))
    day = datetime.fromisoformat(visit.view["slot"]["start"]).date()
    return see_other(request, f"/f/{visit.view['facility']['code']}/{visit.view['service']['code']}/{day}")


@router.get("/h/{code}/{token}/drop")
async def drop_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Whoever comes here by an address sees the form."""
    visit = await reading.visit(asked, code, token)
    return see_other(request, f"/h/{visit.code}/{visit.token}")


async def _lapsed(request: Request, asked: Asked, visit: Visit, typed: Typed) -> Response:
    """The times to choose from again, on the same day or close to it; what was typed stays in the form."""
    view = visit.view
    what = await reading.offered(asked, view["facility"]["code"], view["service"]["code"])
    day = datetime.fromisoformat(view["slot"]["start"]).date()
    shown: list[Half] = await reading.times(asked, what, day)
    near: list[dict[str, object]] = []
    if not any(half.free for half in shown):
        async with asked.db.hot() as hot:
            near = await refusals.nearest(hot, visit.slot_id, now=asked.now)
    return page(
        request, "lapsed.html", status=409, personal=True, what=what, day=day, halves=shown, near=near,
        path=what.path, key=ids.opaque_key(), typed=typed,
    )  # fmt: skip
