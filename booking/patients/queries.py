"""Reads of people, always through the account that asks."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, not_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.patients.errors import ProfileUnknown
from booking.patients.identity import Disagreement, bhyt_mark, citizen_mark, read_citizen_id
from booking.patients.kinds import Consenter, ConsentPurpose, PriorityClass, Relation, Sex
from booking.patients.matching import looks_after_herself
from booking.patients.models import Consent, Patient, Profile
from booking.patients.rules import Birth, is_minor, of_age_if_born_by


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A person an account books for, as a list and the booking need her.

    Attributes:
        id: the profile's public id.
        patient: the patient's public id, which the audit names.
        birth: a day, or a year only.
        minor: under 18 today.
        own_say: a grown-up child who has not agreed: nothing new is booked for her.
        sms: whether she wants messages.
        consented: the newest answer to the purpose of booking is yes, and was not given for a child who is of age now.
        doubts: what a citizen ID says otherwise; a warning to the account, and no more.
    """

    id: UUID
    patient_id: int
    patient: UUID
    account_id: int
    name: str
    birth: Birth
    relation: Relation
    sex: Sex | None
    ward: str | None
    guardian_name: str | None
    priority_claimed: PriorityClass | None
    has_citizen_id: bool
    has_bhyt: bool
    minor: bool
    own_say: bool
    sms: bool
    consented: bool
    doubts: tuple[Disagreement, ...] = ()


async def profiles(session: AsyncSession, account_id: int, *, today: date) -> list[ProfileView]:
    """The people of an account: herself first, the others in the order of their given names."""
    found = (await session.execute(_of_account(account_id, today))).all()
    views = [view_of(profile, patient, consented=consented, today=today) for profile, patient, consented in found]
    return sorted(views, key=lambda view: view.relation is not Relation.SELF)


async def profile(session: AsyncSession, account_id: int, public_id: UUID, *, today: date) -> ProfileView:
    """One person of an account.

    Raises:
        ProfileUnknown: the account has no such person, whoever else may.
    """
    row = (await session.execute(_of_account(account_id, today).where(col(Profile.public_id) == public_id))).first()
    if row is None:
        raise ProfileUnknown
    return view_of(row[0], row[1], consented=row[2], today=today)


def _of_account(account_id: int, today: date) -> Any:
    newest = (
        select(agreed(today))
        .where(col(Consent.patient_id) == col(Patient.id), col(Consent.purpose) == ConsentPurpose.BOOKING)
        .order_by(col(Consent.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(Profile, Patient, func.coalesce(newest, False))
        .join(Patient, col(Patient.id) == col(Profile.patient_id))
        .where(col(Profile.account_id) == account_id, col(Profile.ended_at).is_(None))
        .order_by(col(Patient.name_sort), col(Profile.id))
    )


def view_of(profile: Profile, patient: Patient, *, consented: bool, today: date) -> ProfileView:
    """The view of a profile and its patient."""
    birth = Birth(patient.birth_year, patient.birth_date)
    minor = is_minor(birth, today)
    assert patient.id is not None
    return ProfileView(
        id=profile.public_id, patient_id=patient.id, patient=patient.public_id, account_id=profile.account_id,
        name=patient.name, birth=birth, relation=profile.relation, sex=patient.sex, ward=patient.ward,
        guardian_name=patient.guardian_name, priority_claimed=patient.priority_claimed,
        has_citizen_id=patient.citizen_id is not None, has_bhyt=patient.bhyt_number is not None, minor=minor,
        own_say=profile.as_child and not minor and profile.agreed_at is None,
        sms=not patient.no_sms, consented=consented, doubts=_doubts(patient, birth),
    )  # fmt: skip


def own_say(day: date) -> ColumnElement[bool]:
    """`ProfileView.own_say` for a query over Profile and Patient."""
    return and_(col(Profile.as_child), col(Profile.agreed_at).is_(None), _of_age(day))


def agreed(day: date) -> ColumnElement[bool]:
    """Whether an answer is a yes that stands, for a query over Consent and Patient; as `consents.standing`."""
    for_herself = or_(col(Consent.consenter).is_(None), col(Consent.consenter) == Consenter.PERSON)
    return and_(col(Consent.granted), or_(for_herself, not_(_of_age(day))))


def _of_age(day: date) -> ColumnElement[bool]:
    """Not `is_minor`. A year alone is judged by its last day, as there."""
    last = of_age_if_born_by(day)
    born = col(Patient.birth_date)
    year_fits = col(Patient.birth_year) < (last + timedelta(days=1)).year
    return or_(and_(born.is_not(None), born <= last), and_(born.is_(None), year_fits))


def _doubts(patient: Patient, birth: Birth) -> tuple[Disagreement, ...]:
    for number in (patient.citizen_id, patient.bhyt_number):
        if number is not None:
            mark = citizen_mark(number) if number is patient.citizen_id else bhyt_mark(number)
            if mark.purpose == "citizen_id":
                return read_citizen_id(mark.number).disagreements(birth, patient.sex)
    return ()


@dataclass(frozen=True, slots=True)
class Details:
    """A person with the numbers of her papers, for the form that corrects them.

    `own`: this account keeps her details. Where she looks after herself the numbers are not shown.
    """

    view: ProfileView
    citizen_id: str | None
    bhyt_number: str | None
    own: bool


async def details(session: AsyncSession, account_id: int, public_id: UUID, *, today: date) -> Details:
    """One person of an account with her numbers.

    Raises:
        ProfileUnknown: the account has no such person, whoever else may.
    """
    view = await profile(session, account_id, public_id, today=today)
    patient = (await session.execute(select(Patient).where(col(Patient.id) == view.patient_id))).scalar_one()
    if await looks_after_herself(session, patient, account_id):
        return Details(view, None, None, own=False)
    return Details(view, patient.citizen_id, patient.bhyt_number, own=True)
