"""The call list of a facility: whom no message reached, for whatever reason. Reading it is in the audit.

Visits first, then those who were invited to a re-examination (`slips` writes down what came of these).
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.calling import queries, service
from booking.appointments.calling.commands import NoteVisitCall
from booking.appointments.closing.errors import NotAsked
from booking.appointments.closing.kinds import CallOutcome
from booking.appointments.errors import AppointmentUnknown
from booking.desk.booking.work import Work
from booking.desk.calendar.typed import typed_of
from booking.desk.messages.standing import standing
from booking.directory import queries as directory
from booking.errors import BookingError
from booking.invitations import calling
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(
    prefix="/desk/{facility}/messages/calls", include_in_schema=False, dependencies=[Depends(check_origin)]
)

_OUTCOMES = (CallOutcome.NO_ANSWER, CallOutcome.REACHED, CallOutcome.WILL_COME, CallOutcome.CANCELLED)
"""Another time is agreed on the visit's own page, or on its closing's."""


async def _caller(desk: Annotated[Desk, needs(Right.MESSAGES)]) -> Desk:
    """Names and numbers are a patient's record: whoever only sees to the messages does not read them."""
    desk.staff.check(Right.PATIENT)
    return desk


Caller = Annotated[Desk, Depends(_caller)]


def _visit(visit: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(visit)
    except ValueError:
        raise AppointmentUnknown from None


Which = Annotated[UUID, Depends(_visit)]


@router.get("")
async def calls_page(request: Request, asked: Ask, desk: Caller, where: Where) -> Response:
    """Whom to telephone, with the number; those still to be called first."""
    return await show(request, asked, desk, where)


async def show(
    request: Request, asked: Asked, desk: Desk, where: Place, *, error: BookingError | None = None
) -> Response:
    """The page; whoever is on it was shown to this desk, which may book for her then."""
    work = Work(asked, desk, where)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        calls = await queries.to_call(session, where.facility_id, now=asked.now)
        slips = await calling.to_call(session, where.facility_id, now=asked.now)
        stands = await standing(session, asked, where)
        for patient in {one.patient for one in calls} | {one.patient for one in slips}:
            read_by_staff(session, patient, by=work.by, now=asked.now, facility=where.code, reason="call_list")
    said = " ".join(sentence(error, asked.language)) if error else ""
    return page(
        request, "desk_messages_calls.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        place=place, base=f"/desk/{where.code}/messages", calls=calls, slips=slips, stands=stands, error=said,
        work=work, today=work.today, more=len(slips) == calling.MOST,
    )  # fmt: skip


@router.post("/{visit}")
async def note(request: Request, asked: Ask, desk: Caller, where: Where, visit: Which) -> Response:
    """Write down what came of it; a visit that is given up is cancelled at once."""
    typed, _ = await typed_of(request)
    if typed["outcome"] not in set(_OUTCOMES):
        raise AppointmentUnknown
    command = NoteVisitCall(outcome=CallOutcome(typed["outcome"]), note=typed["note"][:200])

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.note_call(
                session, where.facility_id, visit, command, by=at_desk.actor(asked, desk), now=asked.now
            )

    try:
        await asked.db.until_known(work)
    except NotAsked as error:
        return await show(request, asked, desk, where, error=error)
    return see_other(request, f"/desk/{where.code}/messages/calls#call-{visit}")


@router.post("/{visit}/works")
async def works(request: Request, asked: Ask, desk: Caller, where: Where, visit: Which) -> Response:
    """The number can be reached after all."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.number_works(session, where.facility_id, visit, by=at_desk.actor(asked, desk), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"/desk/{where.code}/messages/calls#call-{visit}")
