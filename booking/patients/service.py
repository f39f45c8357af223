"""Use cases of the people an account books for: add, correct, remove, agree.

Who is who. Within an account the same folded name and birth are one person. A row that exists already is taken over
only with proof: the number is the account's own (it was proven by a code) and name and birth fit. The same number of
a citizen ID or an insurance card proves nothing, because others know it: it links nothing, tells nobody that the
person is known here, and is shown to staff when three accounts carry it. What joins two rows is the person's own code
(`agree`), or a desk that saw the document. Whose row is whose stands in `matching`.
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.clock import local_day
from booking.patients import matching, numbers, persons, queries, sessions
from booking.patients.commands import AddProfile, CorrectProfile
from booking.patients.errors import (
    LooksAfterHerself,
    OwnNumberNeeded,
    ProfileUnknown,
    TooManyPeople,
)
from booking.patients.flags import flag, flag_many_hands
from booking.patients.kinds import FlagKind, Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.persons import Person
from booking.patients.queries import ProfileView
from booking.patients.rules import Birth, Phone, is_minor, read_phone
from booking.trail.reading import PATIENT_READ
from booking.trail.service import record

MOST_PEOPLE: Final = 20
"""In one account, and added to it within a day: more is no family."""

_DAY = timedelta(days=1)


async def add_profile(
    session: AsyncSession, account_id: int, command: AddProfile, *, by: Actor, now: datetime
) -> ProfileView:
    """Let an account book for somebody; the same person again is the same profile, with what is new about her.

    Raises:
        TooManyPeople: the account books for a large family already.
        NameRefused and the other refusals of `persons.read`.
    """
    today = local_day(now)
    person = persons.read(command, today=today)
    account = await matching.locked_account(session, account_id)
    found = await matching.known(session, account_id, person)
    if found is not None:
        profile, patient = found
        profile.relation = command.relation
        profile.as_child = profile.as_child or _as_child(person, command.relation, today)
        action = "profile.repeat"
    else:
        await _check_number(session, account_id, now=now)
        patient = await matching.patient_under(session, account, person, now=now)
        if patient.wrong_number_at is not None:  # only with a newer proof is such a row hers again
            await numbers.set_right(session, patient, read_phone(account.phone), by=by, now=now)
        assert patient.id is not None
        as_child = _as_child(person, command.relation, today) or await matching.was_child(session, account_id, patient)
        profile = Profile(
            public_id=ids.public_id(), account_id=account_id, patient_id=patient.id, relation=command.relation,
            created_at=now, as_child=as_child,
        )  # fmt: skip
        session.add(profile)
        action = "profile.add"
    if not await matching.looks_after_herself(session, patient, account_id):
        persons.write(patient, persons.named(person) | persons.optional(person), keep_empty=True)
    record(session, action, "profile", profile.public_id, by=by, now=now, relation=command.relation.value)
    await flag_many_hands(session, patient, now=now)
    await session.flush()
    return await queries.profile(session, account_id, profile.public_id, today=today)


async def correct_profile(
    session: AsyncSession,
    account_id: int,
    public_id: UUID,
    command: CorrectProfile,
    *,
    booked: bool,
    by: Actor,
    now: datetime,
) -> ProfileView:
    """Replace what is known of a person; of one who looks after herself only the relation is this account's to say.

    Args:
        session: the caller's transaction.
        account_id: whose profile it must be.
        public_id: the profile.
        command: everything as it should be.
        booked: whether a visit is booked for her; another name and birth at once are then shown to staff.
        by: who asks.
        now: the moment of the request.

    Raises:
        ProfileUnknown: the account has no such person.
        PersonClash: somebody else under this number has that name and birth.
        LooksAfterHerself: the person has an account of her own, and what differs is hers to correct.
        NameRefused and the other refusals of `persons.read`.
    """
    person = persons.read(command, today=local_day(now))
    await matching.locked_account(session, account_id)
    profile, patient = await matching.locked_profile(session, account_id, public_id)
    before = (patient.name_folded, Birth(patient.birth_year, patient.birth_date))
    columns = persons.named(person) | persons.optional(person)
    if await matching.looks_after_herself(session, patient, account_id):
        if any(value is not None and getattr(patient, column) != value for column, value in columns.items()):
            raise LooksAfterHerself
        columns = {}
    elif (person.folded, person.birth) != before:
        await matching.rekey(session, patient, person)
    changed = persons.write(patient, columns, keep_empty=False)
    profile.as_child = profile.as_child or _as_child(person, command.relation, local_day(now))
    if profile.relation != command.relation:
        profile.relation = command.relation
        changed.append("relation")
    if booked and person.folded != before[0] and person.birth != before[1]:
        await flag(session, patient, FlagKind.RENAMED, now=now, by_account=True)
    if changed:
        record(session, "profile.correct", "profile", public_id, by=by, now=now, changed=sorted(changed))
        await flag_many_hands(session, patient, now=now)
    await session.flush()
    return await queries.profile(session, account_id, public_id, today=local_day(now))


async def remove_profile(session: AsyncSession, account_id: int, public_id: UUID, *, by: Actor, now: datetime) -> None:
    """Take a person off an account's list. Her visits stay; removing again changes nothing.

    Raises:
        ProfileUnknown: the account has no such person, and never had.
    """
    try:
        profile, _ = await matching.locked_profile(session, account_id, public_id)
    except ProfileUnknown:
        if await matching.was_listed(session, account_id, public_id):
            return
        raise
    profile.ended_at = now
    record(session, "profile.remove", "profile", public_id, by=by, now=now)
    await session.flush()


async def agree(
    session: AsyncSession,
    account_id: int,
    public_id: UUID,
    phone: Phone,
    *,
    silent_after: timedelta,
    by: Actor,
    now: datetime,
) -> ProfileView:
    """A grown-up lets this account go on booking for her. She proved `phone` with a code entered here.

    The number's own account, made if there is none, gets her as its `self`, unless it knows such a person already. An
    account that was silent for long gets nobody: the number may have a new holder, who would open it with a birth date
    of his own.

    Args:
        session: the caller's transaction.
        account_id: whose profile it must be.
        public_id: the profile.
        phone: proven by a code.
        silent_after: a number unseen for so long may have a new owner, as in signing in.
        by: who asks.
        now: the moment of the request.

    Raises:
        ProfileUnknown: the account has no such person.
        OwnNumberNeeded: it is the number of the account that books for her.
    """
    account = await matching.locked_account(session, account_id)
    if account.phone == phone.e164:
        raise OwnNumberNeeded(field="phone")
    hers, _ = await sessions.account_of(session, phone.e164, by=by, now=now)
    profile, patient = await matching.locked_profile(session, account_id, public_id)
    profile.agreed_at = now
    if not await sessions.is_silent(session, hers, silent_after=silent_after, now=now):
        hers.seen_at = now
        await _as_self(session, hers, patient, now=now)
    record(session, "profile.agree", "profile", public_id, by=by, now=now)
    await flag_many_hands(session, patient, now=now)
    await session.flush()
    return await queries.profile(session, account_id, public_id, today=local_day(now))


def _as_child(person: Person, relation: Relation, today: date) -> bool:
    """Whether an account has somebody as a child. A minor with a telephone of her own is nobody's here."""
    return relation is Relation.CHILD or (relation is not Relation.SELF and is_minor(person.birth, today))


async def _as_self(session: AsyncSession, hers: Account, patient: Patient, *, now: datetime) -> None:
    """Let the account of her own number have her, unless it knows such a person already."""
    assert hers.id is not None
    birth = Birth(patient.birth_year, patient.birth_date)
    if await matching.same(session, hers.id, patient.name_folded, birth) is None:
        made = upsert(Profile).values(
            public_id=ids.public_id(), account_id=hers.id, patient_id=patient.id, relation=Relation.SELF,
            created_at=now, agreed_at=now, as_child=False,
        )  # fmt: skip
        await session.execute(made.on_conflict_do_nothing())


def read_by_staff(
    session: AsyncSession, patient: UUID, *, by: Actor, now: datetime, facility: str, reason: str
) -> None:
    """Write down that staff looked at a person; the person sees it.

    Args:
        session: the caller's transaction.
        patient: the public id.
        by: the member of staff.
        now: the moment of the request.
        facility: the code of the place she works at.
        reason: what for, one of the desk's words, such as check_in.
    """
    record(session, PATIENT_READ, "patient", patient, by=by, now=now, facility=facility, reason=reason)


async def _check_number(session: AsyncSession, account_id: int, *, now: datetime) -> None:
    mine = col(Profile.account_id) == account_id
    live = func.count().filter(col(Profile.ended_at).is_(None))
    new = func.count().filter(col(Profile.created_at) > now - _DAY)
    row = (await session.execute(select(live, new).select_from(Profile).where(mine))).one()
    if max(row) >= MOST_PEOPLE:
        raise TooManyPeople(most=MOST_PEOPLE)
