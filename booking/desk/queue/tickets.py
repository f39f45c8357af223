"""One ticket: everything that can be done with it, and the paper with its number."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking import ids
from booking.clock import local_day
from booking.desk.queue import words
from booking.desk.queue.page import InQueue
from booking.patients.service import read_by_staff
from booking.queue.around import OneTicket, one_ticket, rooms_at, services_at
from booking.queue.errors import TicketUnknown
from booking.queue.service import POLICY
from booking.queue.sheet import sheet
from booking.web import at_desk
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/queue", include_in_schema=False, dependencies=[Depends(check_origin)])


def _which(ticket: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(ticket)
    except ValueError:
        raise TicketUnknown from None


Which = Annotated[UUID, Depends(_which)]


@router.get("/ticket/{ticket}")
async def ticket_page(request: Request, asked: Ask, desk: InQueue, where: Where, ticket: Which) -> Response:
    """Whose it is, where it stands, and each step it may take."""
    async with asked.db.transaction() as session:
        found = await one_ticket(session, where.facility_id, ticket)
        services = await services_at(session, where.facility_id, local_day(asked.now))
        rooms = await rooms_at(session, where.facility_id)
        if found.patient is not None:
            read_by_staff(
                session, found.patient, by=at_desk.actor(asked, desk), now=asked.now, facility=where.code,
                reason="queue",
            )  # fmt: skip
    one = found.person
    return page(
        request, "desk_queue_ticket.html", personal=True, desk=desk, place=where, found=found, one=one,
        services=services, rooms=rooms, once=str(ids.public_id()), priorities=words.priorities(asked.language),
        verified=words.priority(one.verified, asked.language) if one.verified else "",
        claimed=words.priority(one.claimed, asked.language) if one.claimed else "",
    )  # fmt: skip


@router.get("/ticket/{ticket}/paper")
async def paper_page(request: Request, asked: Ask, desk: InQueue, where: Where, ticket: Which) -> Response:
    """The number on 80 mm of paper. No name stands on it: papers are lost."""
    async with asked.db.transaction() as session:
        found = await one_ticket(session, where.facility_id, ticket)
    ahead = await _ahead(asked, where, found)
    return page(request, "desk_queue_paper.html", personal=True, desk=desk, place=where, found=found, ahead=ahead)


async def _ahead(asked: Asked, where: Place, found: OneTicket) -> int | None:
    """How many people come first; None for a number that is not waiting."""
    async with asked.db.transaction() as session:
        services = await services_at(session, where.facility_id, found.day)
        chosen = next((one for one in services if one.code == found.service), None)
        whole = await sheet(session, chosen.id if chosen else 0, found.day)
    for line in whole.lines:
        keys = [one.key for one, _ in whole.turns(line, now=asked.now, policy=POLICY)]
        if found.person.key in keys:
            return keys.index(found.person.key)
    return None
