"""The people an account books for: the list, somebody new, corrections, taking off the list."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.appointments.waitlist import service as waitlist
from booking.clock import local_day
from booking.directory import queries as directory
from booking.errors import BookingError, OutcomeUnknown
from booking.i18n import translate
from booking.mobile.confirming import still_confirming
from booking.mobile.waiting.ending import leave_all
from booking.patients import consents, queries, service
from booking.patients.commands import CorrectProfile
from booking.patients.errors import LooksAfterHerself, PersonClash, ProfileUnknown, TooManyPeople
from booking.patients.identity import Disagreement
from booking.patients.kinds import ConsentPurpose, Relation
from booking.patients.queries import Details, ProfileView
from booking.records import listing, scope, visits
from booking.text import plain_sort_key
from booking.web import person_forms
from booking.web.dependencies import Ask, Asked
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.person_forms import DISAGREEMENTS, TypedPerson
from booking.web.problems import sentence, status_of
from booking.web.signed_in import Known, actor

router = APIRouter(include_in_schema=False, prefix="/me/people", dependencies=[Depends(check_origin), Depends(counted)])

LIST = "/me/people"
_NOBODY = UUID(int=0)
_PURPOSES = tuple(ConsentPurpose)


def _profile(profile: Annotated[str, Path()]) -> UUID:
    # What cannot be an id is looked up all the same, so that every wrong address takes the same way.
    try:
        return UUID(profile)
    except ValueError:
        return _NOBODY


ProfileId = Annotated[UUID, Depends(_profile)]


@router.get("")
async def people_page(request: Request, asked: Ask, who: Known) -> Response:
    """The list."""
    async with asked.db.transaction() as session:
        found = await queries.profiles(session, who.account_id, today=local_day(asked.now))
    return page(request, "people.html", personal=True, people=found, full=len(found) >= service.MOST_PEOPLE)


@router.get("/new")
async def new_page(request: Request, asked: Ask, who: Known) -> Response:
    """Somebody new. Whoever has herself in the list already is not asked whether she means herself."""
    async with asked.db.transaction() as session:
        found = await queries.profiles(session, who.account_id, today=local_day(asked.now))
    first = "" if any(one.relation is Relation.SELF for one in found) else Relation.SELF.value
    return await _show_new(request, asked, person_forms.nothing(relation=first))


async def _show_new(
    request: Request, asked: Asked, typed: TypedPerson, *, error: BookingError | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    status = status_of(error) if error is not None else 422 if typed.errors else 200
    return page(
        request, "people_new.html", status=status, personal=True, typed=typed, error=said, wards=await wards(asked),
        questions=person_forms.questions(_PURPOSES, asked.language),
        said=consents.said_to(None, asked.language),
    )  # fmt: skip


async def wards(asked: Asked) -> list[str]:
    """Wards to choose from while typing, old and new."""
    async with asked.db.transaction() as session:
        places = await directory.facilities(session)
    names = {name for place in places for name in (place.ward_2023, place.ward_2025) if name}
    return sorted(names, key=plain_sort_key)


@router.post("/new")
async def add(request: Request, asked: Ask, who: Known) -> Response:
    """Add somebody; the same person again is the same entry."""
    form = await request.form()
    typed = person_forms.read(form, today=local_day(asked.now), language=asked.language)
    if typed.command is None:
        return await _show_new(request, asked, typed)
    command, answers = typed.command, person_forms.answers(form, _PURPOSES)

    async def work() -> ProfileView:
        async with asked.db.transaction() as session:
            by = actor(asked, who)
            added = await listing.add_person(session, who.account_id, command, by=by, now=asked.now)
            if (await scope.scope_of(session, who.account_id, added.id, today=local_day(asked.now))).whole:
                said = await consents.not_taken_back(session, added.patient_id, answers, today=local_day(asked.now))
                await consents.give(
                    session, added.patient_id, said, account_id=who.account_id, language=asked.language,
                    channel="mobile", by=by, now=asked.now,
                )  # fmt: skip
            return added

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=LIST)
    except TooManyPeople as error:
        return await _show_new(request, asked, typed, error=error)
    return see_other(request, LIST)


@router.get("/{profile}")
async def person_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """One person, to correct."""
    found = await _details(asked, who.account_id, profile)
    return await _show(request, asked, found, _typed(found))


async def _details(asked: Asked, account_id: int, profile: UUID) -> Details:
    async with asked.db.transaction() as session:
        return await queries.details(session, account_id, profile, today=local_day(asked.now))


def _typed(found: Details) -> TypedPerson:
    """The form as it would have been filled in."""
    view, day = found.view, found.view.birth.day
    return person_forms.nothing(
        relation=view.relation.value, name=view.name, birth_year=str(view.birth.year),
        birth_day=str(day.day) if day else "", birth_month=str(day.month) if day else "",
        guardian_name=view.guardian_name or "", sex=view.sex.value if view.sex else "",
        citizen_id=found.citizen_id or "", bhyt_number=found.bhyt_number or "", ward=view.ward or "",
        priority=view.priority_claimed.value if view.priority_claimed else "",
    )  # fmt: skip


async def _show(
    request: Request, asked: Asked, found: Details, typed: TypedPerson, *, error: BookingError | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    status = status_of(error) if error is not None else 422 if typed.errors else 200
    return page(
        request, "people_edit.html", status=status, personal=True, person=found.view, own=found.own, typed=typed,
        error=said, wards=await wards(asked), doubts=doubts(found.view.doubts, asked),
    )  # fmt: skip


def doubts(found: tuple[Disagreement, ...], asked: Asked) -> list[str]:
    """What to look at again, in words; it hinders nothing."""
    return [translate(asked.language, DISAGREEMENTS[one]) for one in found]


@router.post("/{profile}")
async def correct(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Replace what is known of her by what the form says; of one who looks after herself only the relation."""
    form = await request.form()
    found = await _details(asked, who.account_id, profile)
    values = dict(person_forms.keep(form).values)
    if not found.own:
        values = dict(_typed(found).values) | {"relation": values["relation"]}
    typed = person_forms.read_values(values, today=local_day(asked.now), language=asked.language)
    if typed.command is None:
        return await _show(request, asked, found, typed)
    command = CorrectProfile(**typed.command.model_dump())

    async def work() -> None:
        async with asked.db.transaction() as session:
            seen = await scope.scope_of(session, who.account_id, profile, today=local_day(asked.now))
            booked = bool(await visits.coming_of(session, seen, now=asked.now))
            await service.correct_profile(
                session, who.account_id, profile, command, booked=booked, by=actor(asked, who), now=asked.now
            )  # fmt: skip

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    except (PersonClash, LooksAfterHerself) as error:
        return await _show(request, asked, found, typed, error=error)
    return see_other(request, LIST)


@router.get("/{profile}/remove")
async def remove_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """One clear question."""
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=local_day(asked.now))
        coming = await visits.coming_of(session, seen, now=asked.now)
        waits = await waitlist.waits_of(session, account_id=who.account_id, patient_id=seen.patient_id)
    return page(request, "people_remove.html", personal=True, person=seen.view, coming=coming, waits=bool(waits))


async def _waits(asked: Asked, account_id: int, profile: UUID) -> list[tuple[int, UUID]]:
    async with asked.db.transaction() as session:
        try:
            seen = await queries.profile(session, account_id, profile, today=local_day(asked.now))
        except ProfileUnknown:  # taken off already, or never there: the verb knows
            return []
        return await waitlist.waits_of(session, account_id=account_id, patient_id=seen.patient_id)


@router.post("/{profile}/remove")
async def remove(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Take her off the list: she waits no longer, and her visits stay."""

    async def work() -> None:
        by = actor(asked, who)
        await leave_all(asked, await _waits(asked, who.account_id, profile), by=by)
        async with asked.db.transaction() as session:
            await service.remove_profile(session, who.account_id, profile, by=by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, await request.form(), action=request.url.path, check=LIST)
    return see_other(request, LIST)
