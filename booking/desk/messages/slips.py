"""What came of telephoning those whom no text about their re-examination slip reached. They stand on the call list."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.appointments.closing.kinds import CallOutcome
from booking.desk.calendar.typed import typed_of
from booking.desk.messages.calls import Caller
from booking.invitations import calling
from booking.invitations.commands import NoteSlipCall
from booking.invitations.errors import InvitationUnknown
from booking.web import at_desk
from booking.web.at_desk import Where
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import see_other

router = APIRouter(
    prefix="/desk/{facility}/messages/calls/slips", include_in_schema=False, dependencies=[Depends(check_origin)]
)

_OUTCOMES = (CallOutcome.NO_ANSWER, CallOutcome.REACHED, CallOutcome.CANCELLED)
"""Who books at once is on the list no more: her slip is used."""


def _slip(slip: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(slip)
    except ValueError:
        raise InvitationUnknown from None


Which = Annotated[UUID, Depends(_slip)]


@router.post("/{slip}")
async def note(request: Request, asked: Ask, desk: Caller, where: Where, slip: Which) -> Response:
    """Write down what came of it."""
    typed, _ = await typed_of(request)
    if typed["outcome"] not in set(_OUTCOMES):
        raise InvitationUnknown
    command = NoteSlipCall(outcome=CallOutcome(typed["outcome"]), note=typed["note"][:200])

    async def work() -> None:
        async with asked.db.transaction() as session:
            await calling.note_call(
                session, where.facility_id, slip, command, by=at_desk.actor(asked, desk), now=asked.now
            )

    await asked.db.until_known(work)
    return see_other(request, f"/desk/{where.code}/messages/calls#slip-{slip}")


@router.post("/{slip}/works")
async def works(request: Request, asked: Ask, desk: Caller, where: Where, slip: Which) -> Response:
    """The number can be reached after all."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await calling.number_works(session, where.facility_id, slip, by=at_desk.actor(asked, desk), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"/desk/{where.code}/messages/calls#slip-{slip}")
