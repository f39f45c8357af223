"""A verification code read out to whoever stands at the desk and got none by SMS."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.desk.booking.work import Work, Working, rendered
from booking.directory.listing import facility_row
from booking.errors import BookingError
from booking.patients.errors import CodeNotAsked, PhoneRefused
from booking.patients.rules import read_phone
from booking.records import telephones
from booking.records.errors import NumberElsewhere
from booking.trail.errors import TriedTooOften
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.problems import status_of

router = APIRouter(prefix="/desk/{facility}/code", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("")
async def form_page(request: Request, work: Working) -> Response:
    """Ask for the number."""
    return await _show(request, work)


async def _show(
    request: Request, work: Work, *, phone: str = "", code: str = "", error: BookingError | None = None
) -> Response:
    return await rendered(
        request,
        work,
        "desk_code.html",
        status=status_of(error) if error else 200,
        phone=phone,
        code=code,
        error=work.said(error),
    )


@router.post("")
async def read_out(request: Request, work: Working) -> Response:
    """Show the code once, large; the audit says who read it out."""
    typed = text_of(await request.form(), "phone")
    try:
        if work.where.training:  # codes are of real people, who wait for them at this moment
            raise CodeNotAsked
        phone = read_phone(typed)
        async with work.asked.db.transaction() as session:
            code = await telephones.read_out(
                session, phone, facility=await facility_row(session, work.where.facility_id),
                scope=tuple(work.desk.staff.facilities.values()), by=work.by, now=work.asked.now,
            )  # fmt: skip
    except (PhoneRefused, CodeNotAsked, NumberElsewhere, TriedTooOften) as error:
        return await _show(request, work, phone=typed, error=error)
    return await _show(request, work, phone=phone.e164, code=code)
