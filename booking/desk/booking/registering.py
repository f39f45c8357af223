"""Somebody new at the desk. Records that look like hers are shown first: one person should have one record."""

from datetime import date

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking.desk.booking.work import Work, Working, rendered
from booking.directory import queries as directory
from booking.i18n import Language
from booking.patients import consents, registering
from booking.patients.cards import Card
from booking.patients.errors import PhoneRefused
from booking.patients.kinds import ConsentPurpose
from booking.patients.registering import RegisterPatient
from booking.patients.rules import read_phone
from booking.patients.searching import read_query
from booking.records import joining
from booking.records.finding import Found
from booking.text import clean, fold, plain_sort_key
from booking.web import person_forms
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.person_forms import TypedPerson
from booking.web.problems import sentence

router = APIRouter(
    prefix="/desk/{facility}/patients/new", include_in_schema=False, dependencies=[Depends(check_origin)]
)

_ASKED = (ConsentPurpose.BOOKING, ConsentPurpose.SMS)


@router.get("")
async def new_page(request: Request, work: Working) -> Response:
    """An empty form."""
    return await _show(request, work, person_forms.nothing(relation="self"))


@router.post("")
async def register(request: Request, work: Working) -> Response:
    """Fill the form from what was typed or scanned (`fill`), or register the person."""
    form = await request.form()
    if text_of(form, "fill"):
        values, phone = filled(text_of(form, "q"))
        return await _show(request, work, person_forms.nothing(**values), phone=phone)
    typed, wrong = read(form, today=work.today, language=work.asked.language)
    phone = text_of(form, "phone")
    if typed.command is None or wrong:
        return await _show(request, work, typed, phone=phone, wrong=wrong)
    given = typed.command.model_dump() | {"phone": clean(phone) or None}
    command = RegisterPatient(**given)
    if not text_of(form, "sure") and (alike := await _alike(work, command)):
        return await _show(request, work, typed, phone=phone, alike=alike, form=form)
    answers = person_forms.answers(form, _ASKED)

    async def go() -> str:
        async with work.asked.db.transaction() as session:
            patient = await registering.register(
                session, command, by=work.by, now=work.asked.now, training=work.where.training
            )
            assert patient.id is not None
            await consents.give(
                session, patient.id, answers, account_id=None, language=work.asked.language, channel="desk",
                by=work.by, now=work.asked.now,
            )  # fmt: skip
            return f"{work.path}/book?patient={patient.public_id}&mark={work.mark(patient.public_id)}"

    return see_other(request, await work.asked.db.until_known(go))


def read(form: FormData, *, today: date, language: Language) -> tuple[TypedPerson, str]:
    """The person and what is wrong with the telephone; an empty one is right."""
    wrong, phone = "", text_of(form, "phone")
    if clean(phone):
        try:
            read_phone(phone)
        except PhoneRefused as refused:
            wrong = " ".join(sentence(refused, language))
    values = dict(person_forms.keep(form).values) | {"relation": "self"}
    return person_forms.read_values(values, today=today, language=language), wrong


def filled(typed: str) -> tuple[dict[str, str], str]:
    """Fields and telephone, as far as what stood in the one field says them."""
    query = read_query(typed)
    values = {"relation": "self"}
    if query.card is not None:
        values |= _of_card(query.card)
    elif query.words:
        values["name"] = clean(typed)
    for mark in query.marks:
        values.setdefault("citizen_id" if mark.purpose == "citizen_id" else "bhyt_number", mark.number)
    return values, clean(typed) if query.phone is not None else ""


def _of_card(card: Card) -> dict[str, str]:
    day = card.birth.day if card.birth else None
    return {
        "citizen_id": card.citizen_id or "",
        "name": (card.name or "").title() if (card.name or "").isupper() else card.name or "",
        "sex": card.sex.value if card.sex else "",
        "birth_day": str(day.day) if day else "",
        "birth_month": str(day.month) if day else "",
        "birth_year": str(day.year) if day else "",
    }


async def _alike(work: Work, command: RegisterPatient) -> list[Found]:
    phone = read_phone(command.phone) if command.phone else None
    async with work.asked.db.transaction() as session:
        return await joining.alike(session, fold(command.name), command.birth, phone, work.looking("duplicate"))


def _spoken(typed: TypedPerson, work: Work) -> str:
    # How old somebody is, is not known while the form is empty.
    who = consents.consenter(typed.command.birth, work.today) if typed.command is not None else None
    return consents.said_to(who, work.asked.language)


async def _show(
    request: Request,
    work: Work,
    typed: TypedPerson,
    *,
    phone: str = "",
    wrong: str = "",
    alike: list[Found] | None = None,
    form: FormData | None = None,
) -> Response:
    async with work.asked.db.transaction() as session:
        places = await directory.facilities(session)
    wards = sorted({name for one in places for name in (one.ward_2023, one.ward_2025) if name}, key=plain_sort_key)
    given = {one for one in _ASKED if form is not None and text_of(form, f"consent_{one.value}")}
    status = 422 if typed.errors or wrong else 409 if alike else 200
    return await rendered(
        request,
        work,
        "desk_patient_new.html",
        status=status,
        typed=typed,
        phone=phone,
        wrong=wrong,
        wards=wards,
        alike=alike or [],
        given=given,
        questions=person_forms.questions(_ASKED, work.asked.language),
        agree=_spoken(typed, work),
    )
