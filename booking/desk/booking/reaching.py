"""Whose number it is: a clerk who has the person before her sets it right, or vouches that it is the family's still."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments import wrong_number
from booking.desk.booking.work import WhichPatient, Work, Working, rendered
from booking.errors import BookingError
from booking.patients import numbers
from booking.patients.errors import PatientUnknown, PhoneRefused, ProfileUnknown
from booking.patients.rules import read_phone, show_phone
from booking.records import finding
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.problems import status_of

router = APIRouter(
    prefix="/desk/{facility}/patients/{patient}/number", include_in_schema=False, dependencies=[Depends(check_origin)]
)


@router.get("")
async def number_page(request: Request, work: Working, patient: WhichPatient, done: str = "") -> Response:
    """The number, what was said of it, and what the desk can do."""
    return await _show(request, work, patient, done=done if done in ("right", "vouched") else "")


@router.post("")
async def set_right(request: Request, work: Working, patient: WhichPatient) -> Response:
    """This number is hers: visits that nobody was told of are told to it."""
    typed = text_of(await request.form(), "phone")

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("correct"))
            phone, now = read_phone(typed), work.asked.now
            await wrong_number.right_number(session, row.public_id, phone, by=work.by, now=now)

    try:
        await work.asked.db.until_known(go)
    except PhoneRefused as error:
        return await _show(request, work, patient, typed=typed, error=error)
    return see_other(request, f"{work.path}/patients/{patient}/number?done=right")


@router.post("/vouch")
async def vouch(request: Request, work: Working, patient: WhichPatient) -> Response:
    """Papers were shown: a code to her number opens the account at once, also after a long silence."""

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("correct"))
            if row.id is None or row.phone is None or row.training:  # at the place to practise nobody is real
                raise ProfileUnknown
            await numbers.vouch(session, read_phone(row.phone), row.id, by=work.by, now=work.asked.now)

    try:
        await work.asked.db.until_known(go)
    except ProfileUnknown:
        raise PatientUnknown from None
    return see_other(request, f"{work.path}/patients/{patient}/number?done=vouched")


async def _show(
    request: Request,
    work: Work,
    patient: WhichPatient,
    *,
    typed: str | None = None,
    error: BookingError | None = None,
    done: str = "",
) -> Response:
    async with work.asked.db.transaction() as session:
        row, found = await finding.one(session, patient, work.looking("correct"))
        family = await numbers.has_account(session, row)
        phone, wrong = show_phone(row.phone) if row.phone else "", row.wrong_number_at
    return await rendered(
        request, work, "desk_number.html", status=status_of(error) if error is not None else 200, found=found,
        phone=phone if typed is None else typed, known=phone, wrong=wrong, family=family, error=work.said(error),
        done=done,
    )  # fmt: skip
