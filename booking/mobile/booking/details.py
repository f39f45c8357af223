"""Who comes to a kept place: people of the account, somebody new, or several; booked at once, or looked at first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import ahead, together
from booking.appointments.ahead import OwnVisit
from booking.appointments.commands import Coming
from booking.appointments.errors import AppointmentUnknown, SlotFull
from booking.clock import local_day
from booking.errors import BookingError, OutcomeUnknown
from booking.i18n import marked as _
from booking.i18n import translate
from booking.mobile import forms, reading
from booking.mobile.addresses import Code, Token
from booking.mobile.booking import choosing, promising
from booking.mobile.booking.choosing import Choice
from booking.mobile.booking.lapsing import is_over, lapsed
from booking.mobile.booking.promising import NOT_BOOKED, truth
from booking.mobile.confirming import still_confirming
from booking.mobile.reading import Visit
from booking.patients import consents, queries
from booking.patients.queries import ProfileView
from booking.patients.sessions import SignedIn
from booking.records import listing
from booking.records import service as records
from booking.web import person_forms
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of
from booking.web.signed_in import actor, known

router = APIRouter(include_in_schema=False, prefix="/h/{code}/{token}", dependencies=[Depends(check_origin)])


async def _held(asked: Ask, code: Code, token: Token) -> Visit:
    # Before anybody is asked to sign in: a link that opens nothing says so to everybody in the same words.
    return await reading.visit(asked, code, token)


Held = Annotated[Visit, Depends(_held)]
_ROOM = (
    _("On this day there is room for one person only."),
    _("On this day there is room for %(left)s people only."),
)
_BOOKED = (
    _("%(names)s already has a visit for this service on that day."),
    _("%(names)s already have a visit for this service on that day."),
)


async def people_of(asked: Asked, who: SignedIn) -> list[ProfileView]:
    """The people of the account."""
    async with asked.db.transaction() as session:
        return await queries.profiles(session, who.account_id, today=local_day(asked.now))


async def own_visits(asked: Asked, who: SignedIn, visit: Visit, people: Sequence[ProfileView]) -> list[OwnVisit]:
    """What these people have on the day of the kept place already, as far as it is this account's."""
    day = local_day(visit.starts_at)
    async with asked.db.transaction() as session:
        return await ahead.own_visits(session, who.account_id, who.phone, [one.patient_id for one in people], day)


def of_service(own: Sequence[OwnVisit], visit: Visit) -> list[OwnVisit]:
    """Those that are for the same service: one a day is all that a person may have."""
    same = (visit.view["facility"]["code"], visit.view["service"]["code"])
    return [one for one in own if (one.facility_code, one.service_code) == same]


@router.get("")
async def form_page(request: Request, asked: Ask, visit: Held) -> Response:
    """Who comes; where it is booked already, the ticket."""
    if visit.offered and visit.state in NOT_BOOKED:  # kept for somebody on the waiting list
        return see_other(request, f"/o/{visit.code}/{visit.token}")
    if visit.state not in NOT_BOOKED:
        return see_other(request, await truth(asked, visit))
    who = await known(request, asked)
    if is_over(visit, asked.now):
        return await lapsed(request, asked, visit, forms.NOTHING)
    people = await people_of(asked, who)
    return show_form(request, asked, visit, people, choosing.nothing(people))


def show_form(
    request: Request,
    asked: Asked,
    visit: Visit,
    people: Sequence[ProfileView],
    choice: Choice,
    *,
    key: str | None = None,
    error: tuple[str, str] | None = None,
    booked: Sequence[OwnVisit] = (),
    status: int = 200,
) -> Response:
    """The form, with what was typed and what is wrong with it; with a key of its own unless one is given."""
    command = choice.person.command
    said = consents.said_to(None, asked.language)  # how old somebody new is, is not known yet
    if command is not None:
        said = consents.said_to(consents.consenter(command.birth, local_day(asked.now)), asked.language)
    return page(
        request, "details.html", status=status, personal=True, visit=visit, view=visit.view, people=people,
        choice=choice, typed=choice.person, key=key or ids.opaque_key(), error=error, booked=booked,
        over=is_over(visit, asked.now), questions=person_forms.questions(choosing.ASKED, asked.language), said=said,
        most=asked.settings.limit_party,
    )  # fmt: skip


@router.post("")
async def choose(request: Request, asked: Ask, visit: Held) -> Response:
    """One person who agreed before is booked at once; everybody else looks at it once more."""
    form = await request.form()
    if visit.state not in NOT_BOOKED:
        return see_other(request, await truth(asked, visit))
    who = await known(request, asked)
    people = await people_of(asked, who)
    choice = choosing.read(form, people, today=local_day(asked.now), language=asked.language)
    key = text_of(form, "key")
    if choice.summary:
        return show_form(request, asked, visit, people, choice, key=key, status=422)
    try:
        chosen = await _with_new(asked, who, choice)
        return await _go_on(request, asked, who, visit, form, people, chosen)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    except AppointmentUnknown:
        raise
    except BookingError as refused:
        said = _said(refused, asked)
        return show_form(request, asked, visit, people, choice, error=said, status=status_of(refused))


def _said(refused: BookingError, asked: Asked) -> tuple[str, str]:
    left = refused.facts.get("left")
    if not isinstance(left, int):
        return sentence(refused, asked.language)
    text = translate(asked.language, _ROOM[0] if left == 1 else _ROOM[1])
    return text % {"left": left}, translate(asked.language, _("Choose fewer people, or another day."))


async def _with_new(asked: Asked, who: SignedIn, choice: Choice) -> list[ProfileView]:
    """Those who were ticked, and somebody new once she is in the account's list with her agreement.

    In a transaction of its own: it locks her before any slot, and it stays when the place is gone.
    """
    command = choice.person.command if choice.new else None
    if command is None:
        return choice.people
    by = actor(asked, who)

    async def work() -> ProfileView:
        async with asked.db.transaction() as session:
            added = await listing.add_person(session, who.account_id, command, by=by, now=asked.now)
            said = await consents.not_taken_back(session, added.patient_id, choice.answers, today=local_day(asked.now))
            await records.answer(
                session, who.account_id, added.id, said, language=asked.language, channel="mobile", by=by,
                now=asked.now,
            )  # fmt: skip
            return await queries.profile(session, who.account_id, added.id, today=local_day(asked.now))

    added = await asked.db.until_known(work)
    return [*(one for one in choice.people if one.id != added.id), added]


async def _go_on(
    request: Request,
    asked: Asked,
    who: SignedIn,
    visit: Visit,
    form: FormData,
    people: Sequence[ProfileView],
    chosen: Sequence[ProfileView],
) -> Response:
    choice = Choice(tuple(str(one.id) for one in chosen), list(chosen), choosing.nothing(people).person)
    own = await own_visits(asked, who, visit, chosen)
    if booked := of_service(own, visit):
        left, said = _without(choice, booked, asked)
        now, key = await people_of(asked, who), text_of(form, "key")
        return show_form(request, asked, visit, now, left, key=key, error=said, booked=booked, status=409)
    facility = visit.view["facility"]["code"]
    close = ahead.close_to(own, visit.starts_at, visit.ends_at, facility)
    if len(chosen) == 1 and chosen[0].consented and not close:
        coming = [Coming(profile=chosen[0].id, slot=visit.slot_id)]
        return await promising.book(request, asked, who, visit, form, coming, choice.typed)
    if len(chosen) > 1:
        try:
            await _keep(request, asked, who, visit, len(chosen))
        except promising.GONE as refused:
            if isinstance(refused, SlotFull) and "left" in refused.facts:
                raise
            return await lapsed(request, asked, visit, choice.typed, refused=refused)
    query = "&".join(f"who={one.id}" for one in chosen)
    return see_other(request, f"/h/{visit.code}/{visit.token}/check?{query}")


def _without(choice: Choice, booked: Sequence[OwnVisit], asked: Asked) -> tuple[Choice, tuple[str, str]]:
    """Who is left of those chosen, and who that is not, by name: of several ticked “this person” says nothing."""
    taken = {one.patient_id for one in booked}
    there = [one for one in choice.people if one.patient_id in taken]
    left = [one for one in choice.people if one.patient_id not in taken]
    text = translate(asked.language, _BOOKED[0] if len(there) == 1 else _BOOKED[1])
    said = text % {"names": ", ".join(one.name for one in there)}
    if not left:
        return choice, (said, "")
    again = translate(asked.language, _("Only the others are ticked now: press the button to book for them."))
    return replace(choice, ticked=tuple(str(one.id) for one in left), people=left), (said, again)


async def _keep(request: Request, asked: Asked, who: SignedIn, visit: Visit, number: int) -> None:
    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
            await check_address(hot, asked, what="hold", number=number)
        async with asked.db.transaction() as session:
            await together.hold_together(
                session, visit.code, visit.token, number, minutes=asked.settings.hold_minutes,
                asker=promising.asker(request, asked, who),
            )  # fmt: skip

    await asked.db.until_known(work)
