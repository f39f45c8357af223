"""Moving and cancelling for a patient, with a reason; also after her own limit."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.appointments import for_others
from booking.appointments.commands import CancelForOther, MoveForOther
from booking.appointments.errors import (
    AlreadyBooked,
    FacilityNotOpen,
    NotChangeable,
    SlotClosed,
    SlotFull,
    SlotPast,
    SlotUnknown,
    TooLateToChange,
)
from booking.appointments.kinds import ChangeReason
from booking.desk.booking.work import WhichCode, Work, Working, day_of, rendered, slot_of
from booking.errors import BookingError
from booking.records import at_facility
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.problems import status_of

router = APIRouter(
    prefix="/desk/{facility}/appointments/{code}", include_in_schema=False, dependencies=[Depends(check_origin)]
)

_REFUSED = (SlotFull, SlotClosed, SlotPast, SlotUnknown, FacilityNotOpen, AlreadyBooked, NotChangeable, TooLateToChange)
_HALVES = {"morning": True, "afternoon": False}
_MOST = 10

Day = Annotated[str, Query(alias="start")]
Half = Annotated[str, Query()]


def reason_of(raw: str) -> ChangeReason:
    """The reason that was ticked; the commonest one where none was."""
    return ChangeReason(raw) if raw in set(ChangeReason) else ChangeReason.PATIENT_ASKED


@router.get("/move")
async def move_page(request: Request, work: Working, code: WhichCode, start: Day = "", half: Half = "") -> Response:
    """The earliest free times, half-day by half-day."""
    return await _show(request, work, code, start=start, half=half)


async def _show(
    request: Request, work: Work, code: str, *, start: str = "", half: str = "", error: BookingError | None = None
) -> Response:
    async with work.asked.db.transaction() as session:
        visit = await at_facility.visit(session, code, work.looking("move"))
        free = await for_others.earliest(
            session, visit.service_id, now=work.asked.now, first=day_of(start), morning=_HALVES.get(half), most=_MOST
        )
    return await rendered(
        request,
        work,
        "desk_move.html",
        status=status_of(error) if error else 200,
        visit=visit,
        free=[one for one in free if one.slot != visit.slot_id],
        start=day_of(start),
        half=half if half in _HALVES else "",
        reasons=list(ChangeReason),
        error=work.said(error),
    )


@router.post("/move")
async def move(request: Request, work: Working, code: WhichCode) -> Response:
    """Give the visit its new time. Sent twice it is moved once: the time it has is no change."""
    form = await request.form()

    async def go() -> None:
        command = MoveForOther(slot=slot_of(text_of(form, "slot")), reason=reason_of(text_of(form, "reason")))
        async with work.asked.db.transaction() as session:
            await for_others.move(
                session, code, command, facility_id=work.where.facility_id, by=work.by, now=work.asked.now
            )

    try:
        await work.asked.db.until_known(go)
    except _REFUSED as error:
        return await _show(request, work, code, error=error)
    return see_other(request, f"{work.path}/appointments/{code}?done=moved")


@router.get("/cancel")
async def cancel_page(request: Request, work: Working, code: WhichCode) -> Response:
    """Which visit, and why."""
    return await _ask(request, work, code)


async def _ask(request: Request, work: Work, code: str, error: BookingError | None = None) -> Response:
    async with work.asked.db.transaction() as session:
        visit = await at_facility.visit(session, code, work.looking("cancel"))
    return await rendered(
        request,
        work,
        "desk_cancel.html",
        status=status_of(error) if error else 200,
        visit=visit,
        reasons=list(ChangeReason),
        error=work.said(error),
    )


@router.post("/cancel")
async def cancel(request: Request, work: Working, code: WhichCode) -> Response:
    """Give the place up; again changes nothing."""
    form = await request.form()
    command = CancelForOther(reason=reason_of(text_of(form, "reason")))

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            await for_others.cancel(
                session, code, command, facility_id=work.where.facility_id, by=work.by, now=work.asked.now
            )

    try:
        await work.asked.db.until_known(go)
    except (NotChangeable, TooLateToChange) as error:
        return await _ask(request, work, code, error)
    return see_other(request, f"{work.path}/appointments/{code}?done=cancelled")
