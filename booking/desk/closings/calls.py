"""The call list: whom no SMS reached and who has not answered, at one's own facility. Reading it is in the audit."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.closing import answering, queries
from booking.appointments.closing.commands import NoteCall
from booking.appointments.closing.errors import ClosingUnknown
from booking.appointments.closing.kinds import CallOutcome
from booking.appointments.errors import AlreadyBooked, FacilityNotOpen, SlotClosed, SlotFull, SlotPast, SlotUnknown
from booking.desk.calendar.typed import typed_of
from booking.desk.closings.making import Door
from booking.desk.closings.showing import Which
from booking.errors import BookingError
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(
    prefix="/desk/{facility}/closings/{closing}/calls", include_in_schema=False, dependencies=[Depends(check_origin)]
)

_NUMBER = 15
_TAKEN = (AlreadyBooked, FacilityNotOpen, SlotClosed, SlotFull, SlotPast, SlotUnknown)


async def _caller(desk: Annotated[Desk, needs(Right.MESSAGES)]) -> Desk:
    """Names and numbers are a patient's record: whoever only sees to the messages does not read them."""
    desk.staff.check(Right.PATIENT)
    return desk


Caller = Annotated[Desk, Depends(_caller)]


@router.get("")
async def calls_page(request: Request, asked: Ask, desk: Caller, where: Where, closing: Which) -> Response:
    """Whom to telephone, with the number; those still to be called first."""
    return await _show(request, asked, desk, where, closing)


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, which: UUID, *, error: BookingError | None = None
) -> Response:
    by = at_desk.actor(asked, desk)
    async with asked.db.transaction() as session:
        row = await queries.row(session, which, where.facility_id)
        one = await queries.one(session, which, where.facility_id)
        calls = await queries.calls(session, row, where.facility_id, now=asked.now)
        times = await answering.times_for_all(session, [call.visit for call in calls if call.asked], now=asked.now)
        for patient in {call.patient for call in calls}:
            read_by_staff(session, patient, by=by, now=asked.now, facility=where.code, reason="closing_call")
    said = " ".join(sentence(error, asked.language)) if error else ""
    return page(
        request, "desk_closing_calls.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        place=await Door(where).view(asked), base=f"{Door(where).base}/{which}", one=one, calls=calls, times=times,
        error=said,
    )  # fmt: skip


def _visit(visit: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(visit)
    except ValueError:
        raise ClosingUnknown from None


@router.post("/{visit}")
async def note(
    request: Request, asked: Ask, desk: Caller, where: Where, closing: Which, visit: Annotated[UUID, Depends(_visit)]
) -> Response:
    """Write down what came of it; another time or a cancellation is done at once."""
    typed, _ = await typed_of(request)
    async with asked.db.transaction() as session:
        row = await queries.row(session, closing, where.facility_id)
    outcome, slot = typed["outcome"], typed["slot"]
    if outcome not in set(CallOutcome) - {CallOutcome.NOT_CALLED}:
        raise ClosingUnknown
    number = int(slot) if slot.isascii() and slot.isdecimal() and len(slot) <= _NUMBER and int(slot) else None
    command = NoteCall(outcome=CallOutcome(outcome), slot=number, note=typed["note"][:200])

    async def work() -> None:
        async with asked.db.transaction() as session:
            await answering.note_call(
                session, row, where.facility_id, visit, command, by=at_desk.actor(asked, desk), now=asked.now
            )

    try:
        await asked.db.until_known(work)
    except _TAKEN as error:
        return await _show(request, asked, desk, where, closing, error=error)
    return see_other(request, f"{Door(where).base}/{closing}/calls#call-{visit}")
