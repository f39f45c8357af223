"""The last look: who comes at which time, what lies close by, who still has to agree; then the booking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import ahead, parties
from booking.appointments.ahead import OwnVisit
from booking.appointments.commands import LARGEST_SLOT, Coming
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.parties import Kept
from booking.clock import local_day
from booking.errors import BookingError, OutcomeUnknown
from booking.i18n import Language, translate
from booking.mobile.booking import promising
from booking.mobile.booking.choosing import ASKED, NOT_AGREED
from booking.mobile.booking.details import Held, of_service, own_visits, people_of
from booking.mobile.booking.lapsing import is_over, lapsed
from booking.mobile.booking.promising import NOT_BOOKED, truth
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import Typed
from booking.mobile.reading import Visit
from booking.patients import consents
from booking.patients.errors import ProfileUnknown
from booking.patients.kinds import ConsentPurpose
from booking.patients.queries import ProfileView
from booking.patients.sessions import SignedIn
from booking.records import service as records
from booking.web import person_forms
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.person_forms import Question
from booking.web.problems import sentence, status_of
from booking.web.signed_in import actor, known

router = APIRouter(include_in_schema=False, prefix="/h/{code}/{token}", dependencies=[Depends(check_origin)])


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A question of consent for one of several people; `field` names its box."""

    field: str
    text: str
    refused: str


@dataclass(frozen=True, slots=True)
class Seat:
    """One who comes, her time, what she has close to it, and what she still has to be asked."""

    person: ProfileView
    at: Kept
    close: list[OwnVisit]
    questions: list[OwnQuestion]
    said: str


@router.get("/check")
async def check_page(
    request: Request, asked: Ask, visit: Held, people: Annotated[tuple[str, ...], Query(alias="who")] = ()
) -> Response:
    """Who comes at which time, before it is confirmed."""
    if visit.state not in NOT_BOOKED:
        return see_other(request, await truth(asked, visit))
    who = await known(request, asked)
    return await _show(request, asked, who, visit, await _chosen(asked, who, people))


async def _chosen(asked: Asked, who: SignedIn, sent: Sequence[str]) -> list[ProfileView]:
    """The people of the account who were named.

    Raises:
        ProfileUnknown: somebody is not the account's, or nobody was named.
    """
    mine = {str(one.id): one for one in await people_of(asked, who) if not one.own_say}
    if not sent or len(set(sent)) < len(sent) or any(one not in mine for one in sent):
        raise ProfileUnknown
    return [mine[one] for one in sent]


async def _show(
    request: Request,
    asked: Asked,
    who: SignedIn,
    visit: Visit,
    people: Sequence[ProfileView],
    *,
    errors: Mapping[str, str] | None = None,
    refused: BookingError | None = None,
) -> Response:
    async with asked.db.transaction() as session:
        places = await parties.kept(session, visit.public_id, who.account_id)
    if is_over(visit, asked.now) or len(places) < len(people):
        return await lapsed(request, asked, visit, Typed({}, tuple(str(one.id) for one in people)))
    own = await own_visits(asked, who, visit, people)
    booked = of_service(own, visit) if refused is not None else []
    said = None if refused is None else sentence(refused, asked.language)
    status = status_of(refused) if refused is not None else 422 if errors else 200
    seats = _seats(visit, people, places, own, asked)
    return page(
        request, "check.html", status=status, personal=True, visit=visit, view=visit.view, seats=seats, booked=booked,
        errors=errors or {}, error=said, key=ids.opaque_key(), over=False,
        warned=any(seat.close for seat in seats),
    )  # fmt: skip


def _seats(
    visit: Visit, people: Sequence[ProfileView], places: Sequence[Kept], own: Sequence[OwnVisit], asked: Asked
) -> list[Seat]:
    facility = visit.view["facility"]["code"]
    # One person comes at the time she chose, whatever else is kept beside it.
    times = [one for one in places if one.slot_id == visit.slot_id] if len(people) == 1 else places
    return [
        Seat(
            person,
            at,
            ahead.close_to(
                [one for one in own if one.patient_id == person.patient_id], at.starts_at, at.ends_at, facility
            ),
            [] if person.consented else _questions(person, asked.language),
            "" if person.consented else _spoken(person, asked),
        )
        for person, at in zip(people, times, strict=False)
    ]


def _questions(person: ProfileView, language: Language) -> list[OwnQuestion]:
    def own(one: Question) -> OwnQuestion:
        return OwnQuestion(_box(one.purpose, person.id), one.text, one.refused)

    return [own(one) for one in person_forms.questions(ASKED, language)]


def _spoken(person: ProfileView, asked: Asked) -> str:
    return consents.said_to(consents.consenter(person.birth, local_day(asked.now)), asked.language)


def _box(purpose: ConsentPurpose, profile: UUID) -> str:
    return f"consent_{purpose.value}-{profile}"


@router.post("/check")
async def book(request: Request, asked: Ask, visit: Held) -> Response:
    """Book for everybody who was shown, at the time that was shown."""
    form = await request.form()
    if visit.state not in NOT_BOOKED:
        return see_other(request, await truth(asked, visit))
    who = await known(request, asked)
    coming = _coming(form)
    people = await _chosen(asked, who, [str(one.profile) for one in coming])
    answers = {one: _answers(form, one) for one in people if not one.consented}
    errors = {
        _box(ConsentPurpose.BOOKING, one.id): translate(asked.language, NOT_AGREED)
        for one, given in answers.items()
        if not given[ConsentPurpose.BOOKING]
    }
    if errors:
        return await _show(request, asked, who, visit, people, errors=errors)
    typed = Typed({}, tuple(str(one.id) for one in people))
    try:
        await _agree(asked, who, answers)
        return await promising.book(request, asked, who, visit, form, coming, typed)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=f"/h/{visit.code}/{visit.token}")
    except AppointmentUnknown:
        raise
    except BookingError as refused:
        return await _show(request, asked, who, visit, await _chosen(asked, who, typed.chosen), refused=refused)


def _coming(form: FormData) -> list[Coming]:
    """Who comes at which time, as the page had it.

    Raises:
        ProfileUnknown: it is nothing a page of ours says.
    """
    found = []
    for sent in form.getlist("at")[:40]:
        profile, _, slot = str(sent).partition(":")
        if not (slot.isascii() and slot.isdecimal() and 1 <= int(slot[:20]) <= LARGEST_SLOT):
            raise ProfileUnknown
        try:
            found.append(Coming(profile=UUID(profile), slot=int(slot)))
        except ValueError:
            raise ProfileUnknown from None
    return found


def _answers(form: FormData, person: ProfileView) -> dict[ConsentPurpose, bool]:
    return {one: text_of(form, _box(one, person.id)) == "yes" for one in ASKED}


async def _agree(asked: Asked, who: SignedIn, answers: Mapping[ProfileView, Mapping[ConsentPurpose, bool]]) -> None:
    """Write the answers down, in a transaction of their own: they lock people before any slot, and they stay."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            for person, given in sorted(answers.items(), key=lambda pair: pair[0].patient_id):
                await records.answer(
                    session, who.account_id, person.id, given, language=asked.language, channel="mobile",
                    by=actor(asked, who), now=asked.now,
                )  # fmt: skip

    if answers:
        await asked.db.until_known(work)
