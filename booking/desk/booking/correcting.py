"""Correcting the record of a patient the desk knows, with her papers at hand."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.desk.booking.registering import read
from booking.desk.booking.work import WhichPatient, Work, Working, rendered
from booking.directory import queries as directory
from booking.errors import BookingError
from booking.patients import correcting
from booking.patients.correcting import CorrectPatient
from booking.patients.errors import PatientOvertaken, PersonClash
from booking.patients.models import Patient
from booking.patients.rules import show_phone
from booking.records import finding
from booking.records.finding import Found
from booking.text import clean, plain_sort_key
from booking.web import person_forms
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.person_forms import TypedPerson
from booking.web.problems import status_of

router = APIRouter(
    prefix="/desk/{facility}/patients/{patient}/record", include_in_schema=False, dependencies=[Depends(check_origin)]
)


@router.get("")
async def record_page(request: Request, work: Working, patient: WhichPatient, done: str = "") -> Response:
    """What is known of her, as a form."""
    async with work.asked.db.transaction() as session:
        row, found = await finding.one(session, patient, work.looking("correct"))
        typed, phone, mark = _as_known(row), show_phone(row.phone) if row.phone else "", correcting.mark_of(row)
    return await _show(request, work, found, typed, phone=phone, mark=mark, done=bool(done))


@router.post("")
async def correct(request: Request, work: Working, patient: WhichPatient) -> Response:
    """Replace what is known of her by what the form says."""
    form = await request.form()
    typed, wrong = read(form, today=work.today, language=work.asked.language)
    phone, mark = text_of(form, "phone"), text_of(form, "mark")

    async def go() -> Found:
        async with work.asked.db.transaction() as session:
            row, found = await finding.one(session, patient, work.looking("correct"))
            if typed.command is not None and not wrong:
                command = CorrectPatient(**typed.command.model_dump() | {"phone": clean(phone) or None})
                await correcting.correct(session, row, command, mark, by=work.by, now=work.asked.now)
            return found

    try:
        found = await work.asked.db.until_known(go)
    except (PersonClash, PatientOvertaken) as error:
        async with work.asked.db.transaction() as session:
            row, found = await finding.one(session, patient, work.looking("correct"))
            if isinstance(error, PatientOvertaken):
                mark = correcting.mark_of(row)  # who was told may go on
        return await _show(request, work, found, typed, phone=phone, mark=mark, error=error)
    if typed.command is None or wrong:
        return await _show(request, work, found, typed, phone=phone, mark=mark, wrong=wrong)
    return see_other(request, f"{work.path}/patients/{patient}/record?done=1")


def _as_known(row: Patient) -> TypedPerson:
    day = row.birth_date
    values = {
        "relation": "self", "name": row.name, "birth_day": str(day.day) if day else "",
        "birth_month": str(day.month) if day else "", "birth_year": str(row.birth_year),
        "guardian_name": row.guardian_name or "", "sex": row.sex.value if row.sex else "",
        "citizen_id": row.citizen_id or "", "bhyt_number": row.bhyt_number or "", "ward": row.ward or "",
        "priority": row.priority_claimed.value if row.priority_claimed else "",
    }  # fmt: skip
    return person_forms.nothing(**values)


async def _show(
    request: Request,
    work: Work,
    found: Found,
    typed: TypedPerson,
    *,
    phone: str,
    mark: str,
    wrong: str = "",
    error: BookingError | None = None,
    done: bool = False,
) -> Response:
    async with work.asked.db.transaction() as session:
        places = await directory.facilities(session)
    wards = sorted({name for one in places for name in (one.ward_2023, one.ward_2025) if name}, key=plain_sort_key)
    status = status_of(error) if error is not None else 422 if typed.errors or wrong else 200
    return await rendered(
        request, work, "desk_record.html", status=status, found=found, typed=typed, phone=phone, mark=mark,
        wrong=wrong, error=work.said(error), clash=isinstance(error, PersonClash), done=done, wards=wards,
    )  # fmt: skip
