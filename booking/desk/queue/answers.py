"""What a form of the queue is answered: the page it came from, or a few words for the script that sent it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from booking.desk.forms import raw_of
from booking.desk.queue import words
from booking.errors import BookingError
from booking.queue.errors import TicketUnknown
from booking.queue.views import TicketView
from booking.web import problems
from booking.web.at_desk import Place
from booking.web.dependencies import Asked
from booking.web.pages import see_other

_NO_STORE: Final = {"Cache-Control": "no-store"}
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and with whose number. `ticket` where a number is there to be printed."""

    what: str
    number: str
    ticket: UUID | None = None


def of(what: str, view: TicketView) -> Outcome:
    """The outcome of a step."""
    return Outcome(what, view.label, view.public_id)


def uuid_of(form: FormData, name: str) -> UUID | None:
    """An id that stands in a form; None where there is none."""
    try:
        return UUID(raw_of(form, name))
    except ValueError:
        return None


def ticket_in(form: FormData) -> UUID:
    """The ticket a form names.

    Raises:
        TicketUnknown: it names none.
    """
    found = uuid_of(form, "ticket")
    if found is None:
        raise TicketUnknown
    return found


def wants_words(request: Request) -> bool:
    """Whether a script asks, which stays on its page."""
    return request.headers.get("accept", "") == "application/json"


async def acted(
    request: Request, asked: Asked, where: Place, form: FormData, work: Callable[[AsyncSession], Awaitable[Outcome]]
) -> Response:
    """Do it, in a transaction of its own, and say so. A refusal goes to the script as a problem, else to its page."""

    async def run() -> Outcome:
        async with asked.db.transaction() as session:
            return await work(session)

    try:
        outcome = await asked.db.until_known(run)
    except BookingError as error:
        return refused(request, error)
    return told(request, asked, where, form, outcome)


def refused(request: Request, error: BookingError) -> Response:
    """A refusal, for the script that sent the form; without one it is the page of the error, so it is raised."""
    if not wants_words(request):
        raise error
    return problems.answer(request, error)


def told(request: Request, asked: Asked, where: Place, form: FormData, outcome: Outcome) -> Response:
    """Say what was done: here, or on the page one goes back to."""
    if wants_words(request):
        said = words.done(outcome.what, outcome.number, asked.language)
        ticket = None if outcome.ticket is None else str(outcome.ticket)
        body = {"said": said, "number": outcome.number, "ticket": ticket, "what": outcome.what}
        return JSONResponse(body, headers=_NO_STORE)
    return see_other(request, way_back(where, form, done=outcome.what, number=outcome.number))


def way_back(where: Place, form: FormData, **more: str) -> str:
    """The page a form came from: the clerk's, or the doctor's list of a room."""
    service, room = raw_of(form, "service")[:_LONGEST], raw_of(form, "room")[:_LONGEST]
    if raw_of(form, "back") == "room" and room:
        return f"/desk/{where.code}/room/{urlencode({'': room})[1:]}?{_query(service=service, **more)}"
    return f"/desk/{where.code}/queue?{_query(service=service, room=room, **more)}"


def _query(**values: str) -> str:
    return urlencode({name: value for name, value in values.items() if value})
