"""Hold, book, read, cancel, move."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from booking.api.answers import JSON, fresh
from booking.api.asking import TICKET, asked_in_json, asked_with_key, creates, key_of, takes, token_of
from booking.api.shapes import AppointmentShape, TicketShape, refuses
from booking.appointments import refusals, service
from booking.appointments.caps import caps_of
from booking.appointments.commands import BookAppointment, CancelAppointment, HoldPlace, RescheduleAppointment
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.inputs import ShortText
from booking.invitations import service as invitations
from booking.sealed import keys
from booking.trail.keys import keyed
from booking.web import metrics
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address

router = APIRouter(prefix="/api/v1", tags=["appointments"])

DEVICE = "Henkham-Device"
_DEVICE_LONGEST = 128
_DEVICE_PARAMETER = {
    "name": DEVICE,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": _DEVICE_LONGEST, "examples": ["device-7f3a91c2"]},
    "description": "a random mark of the device; at most two live holds and a dozen visits ahead each",
}
Code = Annotated[ShortText, Path(description="the code of the appointment or hold", examples=["K7M2PQ4R"])]


def _device(request: Request) -> str | None:
    named = request.headers.get(DEVICE)
    if named is not None and len(named) > _DEVICE_LONGEST:
        raise RequestValidationError([{"loc": ("header", DEVICE), "type": "string_too_long"}])
    return named


def _created(asked: Asked, ticket: Ticket) -> Response:
    opens = orjson.dumps({"token": ticket.token, "link": asked.link(ticket.code, ticket.token)})
    # PostgreSQL built the answer; what opens the ticket is joined on, because it is never stored.
    body = ticket.answer.encode()[:-1] + b"," + opens[1:]
    headers = {"Location": f"/api/v1/appointments/{ticket.code}", "Cache-Control": "no-store"}
    if ticket.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(body, 201, headers, JSON)


@router.post(
    "/holds",
    status_code=201,
    response_model=TicketShape,
    responses=refuses(400, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=creates(HoldPlace, _DEVICE_PARAMETER),
)
async def hold_place(request: Request) -> Response:
    """Keep a place for five minutes while somebody types.

    Confirm it with POST /appointments, naming the hold's code and sending its token; let it go with cancel.
    """
    asked, command = await asked_with_key(request, HoldPlace)
    sent = keyed("api:hold", key_of(asked), command)
    named = _device(request)
    mark = keys().index("device", named or asked.address)

    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            await check_address(hot, asked, what="hold")
            return await service.hold(
                hot, command, by=asked.by, now=asked.now, key=sent, channel=Channel.API, device=mark,
                device_known=bool(named),
                minutes=asked.settings.hold_minutes, caps=caps_of(asked.settings),
            )  # fmt: skip

    return _created(asked, await asked.db.until_known(work))


@router.post(
    "/appointments",
    status_code=201,
    response_model=TicketShape,
    responses=refuses(400, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=creates(BookAppointment, _DEVICE_PARAMETER),
)
async def book_appointment(request: Request) -> Response:
    """Take a place for good: of a slot, or the one a hold keeps (with the hold's token). The answer follows the commit.

    When no answer comes, or 503, send the same request with the same key again: it says what really happened.
    """
    asked, command = await asked_with_key(request, BookAppointment)
    sent = keyed("api:book", key_of(asked), command)
    named = _device(request)

    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            ticket = await service.book(
                hot, command, by=asked.by, now=asked.now, key=sent, channel=Channel.API, token=token_of(asked),
                caps=caps_of(asked.settings), device=keys().index("device", named) if named else None,
            )  # fmt: skip
        if ticket.papers:  # the booking is a statement of its own; should this be lost, a job makes up for it
            async with asked.db.transaction() as session:
                await invitations.use(session, ticket.public_id, by=asked.by, now=asked.now)
        return ticket

    ticket = await asked.db.until_known(work)
    metrics.booked("api")
    return _created(asked, ticket)


@router.get(
    "/appointments/{code}", response_model=AppointmentShape, responses=refuses(404, 422, 503), openapi_extra=TICKET
)
async def get_appointment(asked: Ask, code: Code) -> Response:
    """The appointment or hold as it stands. A code without its token is unknown."""
    return await _shown(asked, code, token_of(asked))


@router.post(
    "/appointments/{code}/cancel",
    response_model=AppointmentShape,
    responses=refuses(400, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=TICKET | takes(CancelAppointment, required=False),
)
async def cancel_appointment(request: Request, code: Code) -> Response:
    """Give the place up, or let a hold go; doing it again changes nothing. The body may be left out."""
    asked, command = await asked_in_json(request, CancelAppointment, default=CancelAppointment())
    token = token_of(asked) or ""

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.cancel(session, code, token, command, by=asked.by, now=asked.now)

    await asked.db.until_known(work)
    return await _shown(asked, code, token)


@router.post(
    "/appointments/{code}/reschedule",
    response_model=AppointmentShape,
    responses=refuses(400, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=TICKET | takes(RescheduleAppointment),
)
async def reschedule_appointment(request: Request, code: Code) -> Response:
    """Take another time of the same service; the old place is freed only when the new one is taken."""
    asked, command = await asked_in_json(request, RescheduleAppointment)
    token = token_of(asked) or ""

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.reschedule(
                session, code, token, command, by=asked.by, now=asked.now,
                per_phone=asked.settings.limit_phone_per_day, since=caps_of(asked.settings).since(asked.now),
            )  # fmt: skip

    await asked.db.until_known(work)
    return await _shown(asked, code, token)


async def _shown(asked: Asked, code: str, token: str | None) -> Response:
    async def work() -> bytes:
        async with asked.db.hot() as hot:
            row = await refusals.opened(hot, code, token)
        if row is None:
            raise AppointmentUnknown
        view: str = row["view"]
        return view.encode()

    return fresh(asked.request, await asked.db.reading(work), personal=True)
