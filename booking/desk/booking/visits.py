"""Booking a visit for somebody, its slip on paper, and everything about it on one page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.appointments import for_others
from booking.appointments.commands import BookForOther
from booking.appointments.errors import AlreadyBooked, FacilityNotOpen, SlotClosed, SlotFull, SlotPast, SlotUnknown
from booking.desk.booking import finding as pages
from booking.desk.booking.work import WhichCode, Working, key_of, rendered, slot_of, uuid_of
from booking.errors import BookingError
from booking.invitations import service as invitations
from booking.records import at_facility, finding
from booking.sealed import keys
from booking.trail.keys import keyed
from booking.web import device, metrics
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.qr import qr_svg

router = APIRouter(prefix="/desk/{facility}", include_in_schema=False, dependencies=[Depends(check_origin)])

PRACTICE = "tap-duot"
"""In place of a token, on slips of practice."""
PAPERS = ("roll", "a5")
_REFUSED = (SlotFull, SlotClosed, SlotPast, SlotUnknown, FacilityNotOpen, AlreadyBooked)


@router.post("/visits")
async def book(request: Request, work: Working) -> Response:
    """Book the chosen time; the slip is the answer. A time that is gone shows the page again with what is left."""
    form = await request.form()
    wish, key = pages.wish_of(form), key_of(text_of(form, "key"))
    try:
        code = await _booked(work, wish, key)
    except _REFUSED as error:
        return await _again(request, work, wish, error)
    return see_other(request, f"{work.path}/appointments/{code}/slip?new=1")


async def _booked(work: Working, wish: pages.Wish, key: str) -> str:
    patient = uuid_of(wish.patient)
    command = BookForOther(patient=patient, slot=slot_of(wish.slot), language="vi")
    named = keyed(f"desk:{work.desk.staff.id}:book:{work.where.code}", key, command)
    shown = work.was_shown(patient, wish.mark)

    async def go() -> str:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("book"), shown=shown)
            ticket = await for_others.book(
                session, row, command.slot, facility_id=work.where.facility_id, language=command.language, key=named,
                by=work.by, now=work.asked.now,
            )  # fmt: skip
            if not ticket.replayed:
                await invitations.use(session, ticket.public_id, by=work.by, now=work.asked.now)
            return ticket.code

    code = await work.asked.db.until_known(go)
    metrics.booked("desk")
    return code


async def _again(request: Request, work: Working, wish: pages.Wish, error: BookingError) -> Response:
    """The same page, with times read anew."""
    return await pages.show(request, work, wish, error)


@router.get("/appointments/{code}")
async def visit_page(request: Request, work: Working, code: WhichCode, done: Annotated[str, Query()] = "") -> Response:
    """A visit: who, when, what was sent, what was done; and what may be done."""
    async with work.asked.db.transaction() as session:
        visit = await at_facility.visit(session, code, work.looking("visit"))
    return await rendered(
        request,
        work,
        "desk_appointment.html",
        visit=visit,
        done=done if done in ("moved", "cancelled") else "",
    )


@router.get("/appointments/{code}/slip")
async def slip_page(
    request: Request,
    work: Working,
    code: WhichCode,
    paper: Annotated[str, Query()] = "",
    new: Annotated[str, Query()] = "",
) -> Response:
    """The slip as it is printed: on a roll of 80 mm, or on A5."""
    chosen = paper if paper in PAPERS else device.preference(request, "paper")
    async with work.asked.db.transaction() as session:
        visit = await at_facility.visit(session, code, work.looking("slip"))
    # A slip of practice is read by our own scanner, and its link opens nothing on anybody's telephone.
    token = keys().link_token(str(visit.public_id), visit.token_version) if not work.where.training else PRACTICE
    link = work.asked.link(visit.code, token)
    answer = await rendered(
        request,
        work,
        "desk_slip.html",
        visit=visit,
        qr=qr_svg(link),
        paper=chosen if chosen in PAPERS else PAPERS[0],
        new=bool(new),
    )
    if paper in PAPERS:
        device.set_cookie(request, answer, "paper", paper, max_age=device.A_YEAR)
    return answer
