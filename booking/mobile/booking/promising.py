"""Making a kept place, or several, somebody's own. The same form again, in any way, leads to the same tickets."""

from collections.abc import Sequence

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking.appointments import parties, together
from booking.appointments.caps import caps_of
from booking.appointments.commands import BookTogether, Coming
from booking.appointments.confirming import Asker
from booking.appointments.errors import (
    AlreadyBooked,
    FacilityNotOpen,
    JustGivenUp,
    KeyReused,
    SlotClosed,
    SlotFull,
    SlotPast,
)
from booking.appointments.service import Ticket
from booking.errors import OutcomeUnknown
from booking.invitations import service as invitations
from booking.mobile import reading
from booking.mobile.booking.lapsing import lapsed
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import Typed, key_of
from booking.mobile.reading import Visit
from booking.patients.sessions import SignedIn
from booking.web import device, metrics
from booking.web.dependencies import Asked
from booking.web.limits import check_address
from booking.web.pages import see_other
from booking.web.signed_in import actor

NOT_BOOKED = ("held", "lapsed")
GONE = (SlotFull, SlotClosed, SlotPast, JustGivenUp, FacilityNotOpen)
"""The place is no longer to be had: another is chosen."""


def asker(request: Request, asked: Asked, who: SignedIn) -> Asker:
    """Who books, in which browser, within which limits."""
    here = device.index(request) if device.mark(request) is not None else None
    return Asker(who=who, device=here, caps=caps_of(asked.settings), by=actor(asked, who), now=asked.now)


async def truth(asked: Asked, visit: Visit) -> str:
    """The address of what was booked: a ticket, or the tickets of a family."""
    async with asked.db.transaction() as session:
        party = await parties.party_of(session, visit.public_id)
    return f"/me/party/{party}" if party is not None else visit.path


async def book(
    request: Request,
    asked: Asked,
    who: SignedIn,
    visit: Visit,
    form: FormData,
    coming: Sequence[Coming],
    typed: Typed,
) -> Response:
    """Book, and go to the tickets.

    Raises:
        BookingError: why not, where the place itself is not the reason.
    """
    command = BookTogether(hold=visit.code, people=tuple(coming), language=asked.language)
    key = key_of(f"account:{who.account}", "book", form, command)

    async def work() -> list[Ticket]:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            asks = asker(request, asked, who)
            tickets = await together.book_together(session, command, token=visit.token, key=key, asker=asks)
            for ticket in tickets:  # a slip of a hospital is used by the visit that answers it, or neither stands
                await invitations.use(session, ticket.public_id, by=asks.by, now=asked.now)
            return tickets

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        check = f"/h/{visit.code}/{visit.token}"
        return still_confirming(request, form, action=request.url.path, check=check)
    except (AlreadyBooked, KeyReused):
        now = await reading.visit(asked, visit.code, visit.token)
        if now.state in NOT_BOOKED:
            raise
        return see_other(request, await truth(asked, now))  # another tap was faster: that is the truth
    except GONE as refused:
        return await lapsed(request, asked, visit, typed, refused=refused)
    metrics.booked("mobile", len(coming))
    return see_other(request, f"{await truth(asked, visit)}?new=1")
