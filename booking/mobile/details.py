"""The form for a kept place, and the booking it makes. The same form again, in any way, gives the same ticket."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import refusals, service
from booking.appointments.caps import caps_of
from booking.appointments.commands import BookAppointment
from booking.appointments.errors import AppointmentUnknown, HoldLapsed, KeyReused, SlotClosed
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.clock import local_day
from booking.errors import BookingError, OutcomeUnknown
from booking.mobile import forms, reading
from booking.mobile.addresses import Code, Token
from booking.mobile.calendar import Half
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import Typed, key_of
from booking.mobile.reading import Visit
from booking.trail.keys import IdempotencyKey
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

NOT_BOOKED = ("held", "lapsed")


@router.get("/h/{code}/{token}")
async def form_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The form for a kept place; where it is booked already, its ticket."""
    visit = await reading.visit(asked, code, token)
    if visit.state not in NOT_BOOKED:
        return see_other(request, visit.path)
    if visit.offered:  # kept for somebody on the waiting list
        return see_other(request, f"/o/{code}/{token}")
    if _is_over(visit, asked.now):
        return await _lapsed(request, asked, visit, forms.NOTHING)
    return show_form(request, asked, visit, forms.NOTHING)


def _is_over(visit: Visit, now: datetime) -> bool:
    until = visit.view["expires_at"]
    return visit.state == "lapsed" or until is None or datetime.fromisoformat(until) <= now


def show_form(
    request: Request,
    asked: Asked,
    visit: Visit,
    typed: Typed,
    *,
    key: str | None = None,
    error: BookingError | None = None,
    status: int = 200,
) -> Response:
    """The form, with what was typed and what is wrong with it; with a key of its own unless one is given."""
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
    if visit.state not in NOT_BOOKED:
        return see_other(request, visit.path)
    if typed.person is None:
        return show_form(request, asked, visit, typed, key=forms.text_of(form, "key"), status=422)
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
                caps=caps_of(asked.settings),
            )  # fmt: skip

    return work


async def _confirmed(
    request: Request, asked: Asked, visit: Visit, typed: Typed, form: FormData, work: Callable[[], Awaitable[Ticket]]
) -> Response:
    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    except (HoldLapsed, SlotClosed, KeyReused) as refused:
        now = await reading.visit(asked, visit.code, visit.token)
        if now.state not in NOT_BOOKED:  # another tap was faster: that is the truth
            return see_other(request, visit.path)
        if not isinstance(refused, KeyReused):
            return await _lapsed(request, asked, visit, typed, closed=isinstance(refused, SlotClosed))
        return show_form(request, asked, visit, typed, error=refused, status=status_of(refused))
    except AppointmentUnknown:
        raise
    except BookingError as refused:
        key = forms.text_of(form, "key")
        return show_form(request, asked, visit, typed, key=key, error=refused, status=status_of(refused))
    return see_other(request, f"{visit.path}?new=1")


async def _lapsed(request: Request, asked: Asked, visit: Visit, typed: Typed, *, closed: bool = False) -> Response:
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
        path=what.path, key=ids.opaque_key(), typed=typed, closed=closed,
    )  # fmt: skip
