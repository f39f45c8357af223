"""Joining the waiting list, and the page of a wait: where one stands, what is offered, and leaving it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import Response

from booking.appointments.waitlist import queries, service
from booking.appointments.waitlist.commands import JoinWaitingList
from booking.appointments.waitlist.rules import DEFAULT_DAYS, MOST_DAYS, check_window
from booking.clock import local_day
from booking.errors import BookingError, NotFound, OutcomeUnknown
from booking.i18n import marked as _
from booking.i18n import translate
from booking.mobile import addresses, reading
from booking.mobile.addresses import Facility, Service
from booking.mobile.confirming import still_confirming
from booking.patients import consents, matching
from booking.patients import queries as people
from booking.patients.kinds import ConsentPurpose
from booking.patients.queries import ProfileView
from booking.records import listing
from booking.web import person_forms
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.person_forms import Question, TypedPerson
from booking.web.problems import sentence, status_of
from booking.web.signed_in import Known, actor

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

ASKED = (ConsentPurpose.BOOKING, ConsentPurpose.SMS)
SOMEONE_NEW = "new"
_NOBODY = UUID(int=0)
_MOST_FACILITIES = 30


@dataclass(slots=True)
class Wish:
    """What was chosen on the page, as it was chosen, and what is wrong with it: field → what to do."""

    who: str
    facilities: list[str]
    day_from: str
    day_to: str
    person: TypedPerson
    answers: dict[ConsentPurpose, bool] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The errors for the list at the top: the id of the field, and the text."""
        first = {"who": "who-0", "facility": "facility-0"}
        return [(first.get(name, name), text) for name, text in self.errors.items()] + self.person.summary


@router.get("/wait/{facility}/{service}")
async def join_page(
    request: Request,
    asked: Ask,
    who: Known,
    facility: Facility,
    service: Service,
    start: Annotated[str, Query(alias="from")] = "",
    person: Annotated[str, Query(alias="who")] = "",
) -> Response:
    """Who waits, where, on which days; and honestly how it works."""
    today = local_day(asked.now)
    first = max(_day(start) or today, today)
    last = min(first + timedelta(days=DEFAULT_DAYS - 1), today + timedelta(days=MOST_DAYS))
    chosen = SOMEONE_NEW if person == SOMEONE_NEW else ""
    wish = Wish(chosen, [facility], str(min(first, last)), str(last), person_forms.nothing(relation="self"))
    return await _form(request, asked, who.account_id, facility, service, wish)


def _day(raw: str) -> date | None:
    try:
        return addresses.read_day(raw)
    except NotFound:
        return None


async def _form(
    request: Request,
    asked: Asked,
    account_id: int,
    facility: str,
    service_code: str,
    wish: Wish,
    *,
    error: BookingError | None = None,
) -> Response:
    what = await reading.offered(asked, facility, service_code)
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        profiles = [one for one in await people.profiles(session, account_id, today=today) if not one.own_say]
        choices = await queries.choices(session, service_code)
        ahead = await queries.ahead(session, [one.service_id for one in choices if one.facility.code == facility])
    here = [one for one in choices if one.facility.code == facility]
    others = [one for one in choices if one.facility.code != facility]
    open_to = [] if wish.who == SOMEONE_NEW else profiles
    questions = _questions(open_to, asked)
    said = sentence(error, asked.language) if error is not None else None
    status = status_of(error) if error is not None else 422 if wish.summary else 200
    return page(
        request, "wait.html", status=status, personal=True, what=what, wish=wish, profiles=profiles,
        choices=[*here, *others], ahead=ahead, error=said,
        days=[today + timedelta(days=number) for number in range(MOST_DAYS + 1)],
        questions=questions, agree=_spoken(open_to, asked), path=f"/wait/{facility}/{service_code}",
    )  # fmt: skip


def _questions(profiles: list[ProfileView], asked: Asked) -> list[Question]:
    """What is still to be asked: all of it where somebody new may come, else what somebody has not agreed to."""
    open_ones = [ConsentPurpose.BOOKING] if any(not one.consented for one in profiles) else []
    open_ones += [ConsentPurpose.SMS] if any(not one.sms or not one.consented for one in profiles) else []
    return person_forms.questions(open_ones if profiles else ASKED, asked.language)


def _spoken(profiles: list[ProfileView], asked: Asked) -> str:
    """Who agrees: in the words for the one person there is, else in those for anybody, where one may be a minor."""
    today = local_day(asked.now)
    who = {consents.consenter(one.birth, today) for one in profiles}
    return consents.said_to(who.pop() if len(who) == 1 else None, asked.language)


@router.post("/wait/{facility}/{service}")
async def join(request: Request, asked: Ask, who: Known, facility: Facility, service: Service) -> Response:
    """Join. The same again, in any way, leads to the same wait."""
    form = await request.form()
    wish = _read(form, asked)
    if wish.summary:
        return await _form(request, asked, who.account_id, facility, service, wish)

    async def work() -> UUID:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            return await _join(session, asked, who, wish, service)

    try:
        entry = await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check="/me")
    except BookingError as refused:
        return await _form(request, asked, who.account_id, facility, service, wish, error=refused)
    return see_other(request, f"/me/waiting/{entry}?new=1")


def _read(form: FormData, asked: Asked) -> Wish:
    """What was chosen; everything that is wrong is told at once."""
    chosen = [value for value in form.getlist("facility") if isinstance(value, str)][:_MOST_FACILITIES]
    wish = Wish(
        text_of(form, "who"), chosen, text_of(form, "from"), text_of(form, "to"), person_forms.keep(form),
        person_forms.answers(form, ASKED),
    )  # fmt: skip
    language, today = asked.language, local_day(asked.now)
    if not wish.who:
        wish.errors["who"] = translate(language, _("Choose who is waiting."))
    if wish.who == SOMEONE_NEW:
        wish.person = person_forms.read(form, today=today, language=language)
        if not wish.answers[ConsentPurpose.BOOKING]:
            refused = _("Without this agreement a visit cannot be booked here.")
            wish.errors["consent_booking"] = translate(language, refused)
    if not chosen:
        wish.errors["facility"] = translate(language, _("Choose at least one facility."))
    days = {name: _day(raw) for name, raw in (("from", wish.day_from), ("to", wish.day_to))}
    for name in [name for name, day in days.items() if day is None]:
        wish.errors[name] = translate(language, _("Choose a day."))
    if days["from"] is not None and days["to"] is not None:
        try:
            check_window(days["from"], days["to"], today=today)
        except BookingError as refused:
            wish.errors["to"] = " ".join(sentence(refused, language))
    return wish


async def _join(session: AsyncSession, asked: Asked, who: Known, wish: Wish, service_code: str) -> UUID:
    by = actor(asked, who)
    await matching.locked_account(session, who.account_id)  # before her people, as everywhere
    profile = await _profile(session, asked, who, wish)
    wanted = {}
    if not profile.consented and wish.answers[ConsentPurpose.BOOKING]:
        wanted[ConsentPurpose.BOOKING] = True
    if not profile.consented or (not profile.sms and wish.answers[ConsentPurpose.SMS]):
        wanted[ConsentPurpose.SMS] = wish.answers[ConsentPurpose.SMS]
    if wanted:
        await consents.give(
            session, profile.patient_id, wanted, account_id=who.account_id, language=asked.language,
            channel="mobile", by=by, now=asked.now,
        )  # fmt: skip
    first, last = addresses.read_day(wish.day_from), addresses.read_day(wish.day_to)
    command = JoinWaitingList(
        profile=profile.id, service=service_code, facilities=tuple(wish.facilities), day_from=first, day_to=last,
        language=asked.language,
    )  # fmt: skip
    most = asked.settings.limit_waiting_per_account
    return await service.join(session, who.account_id, command, by=by, now=asked.now, most=most)


async def _profile(session: AsyncSession, asked: Asked, who: Known, wish: Wish) -> ProfileView:
    if wish.person.command is not None:
        return await listing.add_person(
            session, who.account_id, wish.person.command, by=actor(asked, who), now=asked.now
        )
    return await people.profile(session, who.account_id, _id(wish.who), today=local_day(asked.now))


def _id(raw: str) -> UUID:
    # What cannot be an id is looked up all the same, so that every wrong address takes the same way.
    try:
        return UUID(raw)
    except ValueError:
        return _NOBODY


@router.get("/me/waiting/{entry}")
async def entry_page(
    request: Request, asked: Ask, who: Known, entry: str, new: Annotated[str, Query()] = ""
) -> Response:
    """Where one stands; someone else's wait is not there."""
    async with asked.db.transaction() as session:
        found = await queries.entry(session, who.account_id, _id(entry), now=asked.now)
    return page(request, "wait_entry.html", personal=True, entry=found, new=new == "1")


@router.post("/me/waiting/{entry}/leave")
async def leave(request: Request, asked: Ask, who: Known, entry: str) -> Response:
    """Wait no longer; a place that is offered this moment goes to the next one."""
    public_id = _id(entry)

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await service.leave(session, who.account_id, public_id, by=actor(asked, who), now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(
            request, await request.form(), action=request.url.path, check=f"/me/waiting/{public_id}"
        )
    return see_other(request, f"/me/waiting/{public_id}")
