"""Whose row it is: the people of an account locked for a change, and the row of a person under a number.

It is the half of `service` that finds; what may be found by whom is told there.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.columns import constraint_of
from booking.patients import persons
from booking.patients.errors import PersonClash, ProfileUnknown
from booking.patients.kinds import Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.persons import Person
from booking.patients.rules import Birth, Phone, read_phone
from booking.patients.session_models import PatientSession


async def locked_profile(session: AsyncSession, account_id: int, public_id: UUID) -> tuple[Profile, Patient]:
    """A person of an account, locked for a change.

    Raises:
        ProfileUnknown: the account has no such person.
    """
    query = (
        select(Profile, Patient)
        .join(Patient, col(Patient.id) == col(Profile.patient_id))
        .where(
            col(Profile.account_id) == account_id,
            col(Profile.public_id) == public_id,
            col(Profile.ended_at).is_(None),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    row = (await session.execute(query)).first()
    if row is None:
        raise ProfileUnknown
    return row[0], row[1]


async def was_listed(session: AsyncSession, account_id: int, public_id: UUID) -> bool:
    """Whether an account has, or had, this profile: taking it off twice is no mistake of anybody's."""
    query = select(Profile.id).where(col(Profile.account_id) == account_id, col(Profile.public_id) == public_id)
    return await session.scalar(query) is not None


async def was_child(session: AsyncSession, account_id: int, patient: Patient) -> bool:
    """Whether an account had a person as a child before it took her off its list."""
    query = select(Profile.id).where(
        col(Profile.account_id) == account_id, col(Profile.patient_id) == patient.id, col(Profile.as_child)
    )
    return await session.scalar(query.limit(1)) is not None


async def locked_account(session: AsyncSession, account_id: int) -> Account:
    """The account, locked, so that its list changes one by one. A booking that refers to it does not wait."""
    account = await session.get(Account, account_id, with_for_update={"key_share": True}, populate_existing=True)
    if account is None or account.ended_at is not None:
        raise ProfileUnknown
    return account


async def same(session: AsyncSession, account_id: int, folded: str, birth: Birth) -> tuple[Profile, Patient] | None:
    """The person of an account who has this name and birth."""
    query = (
        select(Profile, Patient)
        .join(Patient, col(Patient.id) == col(Profile.patient_id))
        .where(
            col(Profile.account_id) == account_id,
            col(Profile.ended_at).is_(None),
            col(Patient.name_folded) == folded,
            col(Patient.birth_year) == birth.year,
            col(Patient.birth_date).is_not_distinct_from(birth.day),
        )
    )
    row = (await session.execute(query)).first()
    return (row[0], row[1]) if row is not None else None


async def known(session: AsyncSession, account_id: int, person: Person) -> tuple[Profile, Patient] | None:
    """The same, locked."""
    found = await same(session, account_id, person.folded, person.birth)
    return await locked_profile(session, account_id, found[0].public_id) if found is not None else None


async def patient_under(session: AsyncSession, account: Account, person: Person, *, now: datetime) -> Patient:
    """The row of a person under the account's number: the one that is there, if it may be taken over, or a new one."""
    phone = read_phone(account.phone)
    key = persons.match_key(phone, person.folded, person.birth)
    query = select(Patient).where(col(Patient.match_key) == key).with_for_update(key_share=True)
    found = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is not None:
        found = await signposted(session, found)
    if found is not None and await _may_take_over(session, found, account):
        return found
    public_id = ids.public_id()
    apart = None if found is None else public_id
    made = upsert(Patient).values(
        public_id=public_id, match_key=persons.match_key(phone, person.folded, person.birth, apart=apart),
        created_at=now, **persons.named(person), **persons.reached(phone), **persons.optional(person),
    )  # fmt: skip
    # The JSON door may make her at this very moment; its row has the key then, and is hers to take over.
    await session.execute(made.on_conflict_do_nothing(constraint="patient_match_key"))
    mine = col(Patient.match_key) == (key if apart is None else persons.match_key(
        phone, person.folded, person.birth, apart=apart
    ))  # fmt: skip
    return (await session.execute(select(Patient).where(mine).with_for_update(key_share=True))).scalar_one()


async def signposted(session: AsyncSession, patient: Patient) -> Patient:
    """Whom a row means: the one it was merged into, locked, or itself."""
    while patient.merged_into_id is not None:
        kept = select(Patient).where(col(Patient.id) == patient.merged_into_id).with_for_update(key_share=True)
        patient = (await session.execute(kept.execution_options(populate_existing=True))).scalar_one()
    return patient


async def _may_take_over(session: AsyncSession, patient: Patient, account: Account) -> bool:
    """Whether a row known by this number, name and birth may become the account's.

    Not when it belonged to an earlier holder of the number. Where somebody said of it "not me", only by a code to the
    number that is newer than that: then it was a slip of the finger, and `service` sets it right.
    """
    if patient.erased_at is not None:
        return False
    if patient.wrong_number_at is not None and not await _proved_since(session, account, patient.wrong_number_at):
        return False
    earlier = (
        select(Profile.id)
        .join(Account, col(Account.id) == col(Profile.account_id))
        .where(
            col(Profile.patient_id) == patient.id,
            or_(col(Account.phone_index) == account.phone_index, col(Account.ended_at).is_not(None)),
            col(Account.id) != account.id,
        )
    )
    return await session.scalar(earlier.limit(1)) is None


async def _proved_since(session: AsyncSession, account: Account, moment: datetime) -> bool:
    """Whether the account's number was proven by a code after a moment, by a session that is open still."""
    signed_in = select(PatientSession.id).where(
        col(PatientSession.account_id) == account.id,
        col(PatientSession.created_at) > moment,
        col(PatientSession.checked_at).is_not(None),
        col(PatientSession.ended_at).is_(None),
    )
    return await session.scalar(signed_in.limit(1)) is not None


async def looks_after_herself(session: AsyncSession, patient: Patient, account_id: int) -> bool:
    """Whether another account has the person as its own `self`, and this one does not."""
    selves = select(Profile.account_id).where(
        col(Profile.patient_id) == patient.id,
        col(Profile.relation) == Relation.SELF,
        col(Profile.ended_at).is_(None),
    )
    accounts = set((await session.execute(selves)).scalars())
    return bool(accounts) and account_id not in accounts


async def rekey(session: AsyncSession, patient: Patient, person: Person) -> None:
    """Give a person the match key of her new name or birth.

    Raises:
        PersonClash: somebody else under her number has it.
    """
    if patient.phone is None:  # known by a card or by nothing: neither changes with the name
        return
    phone = read_phone(patient.phone)
    before = Birth(patient.birth_year, patient.birth_date)
    shared = patient.match_key == persons.match_key(phone, patient.name_folded, before, training=patient.training)
    apart = None if shared else patient.public_id
    try:
        async with session.begin_nested():
            patient.match_key = persons.match_key(
                phone, person.folded, person.birth, apart=apart, training=patient.training
            )
            await session.flush()
    except IntegrityError as problem:
        if constraint_of(problem) == "patient_match_key":
            raise PersonClash from None
        raise


async def reach_by(session: AsyncSession, patient: Patient, phone: Phone) -> None:
    """Give a person another telephone; she is known by it unless somebody of that name and birth is already."""
    birth = Birth(patient.birth_year, patient.birth_date)
    key = persons.match_key(phone, patient.name_folded, birth, training=patient.training)
    if await session.scalar(select(Patient.id).where(col(Patient.match_key) == key)) is not None:
        key = persons.match_key(phone, patient.name_folded, birth, apart=patient.public_id, training=patient.training)
    patient.match_key = key
    for column, value in persons.reached(phone, training=patient.training).items():
        setattr(patient, column, value)
