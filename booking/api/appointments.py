"""Hold, book, read, cancel, move."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Header, Path
from starlette.responses import Response

from booking.api.answers import JSON, fresh
from booking.api.asking import TICKET, WITH_KEY, AskInJson, AskWithKey, key_of, token_of
from booking.api.shapes import AppointmentShape, TicketShape, refuses
from booking.appointments import refusals, service
from booking.appointments.commands import BookAppointment, CancelAppointment, HoldPlace, RescheduleAppointment
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.inputs import ShortText
from booking.sealed import keys
from booking.trail.keys import keyed
from booking.web.dependencies import Asked
from booking.web.limits import check_address

router = APIRouter(prefix="/api/v1", tags=["appointments"])

Device = Annotated[
    str | None,
    Header(
        alias="Henkham-Device",
        max_length=128,
        description="a random mark of the device; at most two live holds each",
        examples=["device-7f3a91c2"],
    ),
]
Code = Annotated[ShortText, Path(description="the code of the appointment or hold", examples=["K7M2PQ4R"])]


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
    responses=refuses(400, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=WITH_KEY,
)
async def hold_place(asked: AskWithKey, command: HoldPlace, device: Device = None) -> Response:
    """Keep a place for five minutes while somebody types.

    Confirm it with POST /appointments, naming the hold's code and sending its token; let it go with cancel.
    """
    sent = keyed("api:hold", key_of(asked), command)
    mark = keys().index("device", device or asked.address)

    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            return await service.hold(
                hot, command, by=asked.by, now=asked.now, key=sent, channel=Channel.API, device=mark,
                minutes=asked.settings.hold_minutes,
            )  # fmt: skip

    return _created(asked, await asked.db.until_known(work))


@router.post(
    "/appointments",
    status_code=201,
    response_model=TicketShape,
    responses=refuses(400, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=WITH_KEY,
)
async def book_appointment(asked: AskWithKey, command: BookAppointment) -> Response:
    """Take a place for good: of a slot, or the one a hold keeps (with the hold's token). The answer follows the commit.

    When no answer comes, or 503, send the same request with the same key again: it says what really happened.
    """
    sent = keyed("api:book", key_of(asked), command)

    async def work() -> Ticket:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            return await service.book(
                hot, command, by=asked.by, now=asked.now, key=sent, channel=Channel.API, token=token_of(asked),
                per_phone=asked.settings.limit_phone_per_day,
            )  # fmt: skip

    return _created(asked, await asked.db.until_known(work))


@router.get(
    "/appointments/{code}", response_model=AppointmentShape, responses=refuses(404, 422, 503), openapi_extra=TICKET
)
async def get_appointment(asked: AskInJson, code: Code) -> Response:
    """The appointment or hold as it stands. A code without its token is unknown."""
    return await _shown(asked, code, token_of(asked))


@router.post(
    "/appointments/{code}/cancel", response_model=AppointmentShape, responses=refuses(404, 409, 413, 415, 422, 503),
    openapi_extra=TICKET,
)  # fmt: skip
async def cancel_appointment(
    asked: AskInJson,
    code: Code,
    command: Annotated[CancelAppointment | None, Body()] = None,
) -> Response:
    """Give the place up, or let a hold go; doing it again changes nothing. The body may be left out."""
    token = token_of(asked) or ""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.cancel(session, code, token, command or CancelAppointment(), by=asked.by, now=asked.now)

    await asked.db.until_known(work)
    return await _shown(asked, code, token)


@router.post(
    "/appointments/{code}/reschedule", response_model=AppointmentShape, responses=refuses(404, 409, 413, 415, 422, 503),
    openapi_extra=TICKET,
)  # fmt: skip
async def reschedule_appointment(asked: AskInJson, code: Code, command: RescheduleAppointment) -> Response:
    """Take another time of the same service; the old place is freed only when the new one is taken."""
    token = token_of(asked) or ""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.reschedule(session, code, token, command, by=asked.by, now=asked.now)

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

    return fresh(asked.request, await asked.db.until_known(work), personal=True)
