"""What of a person an account may see.

Whoever booked a visit sees it. A person who stands in her own account as `self` sees all her visits, whoever booked
them, and others see of her only what they booked. A visit booked without an account (by the JSON door, at a desk)
belongs to the number it was booked under.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.models import Appointment
from booking.patients import matching, queries
from booking.patients.errors import ProfileUnknown
from booking.patients.kinds import Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.queries import ProfileView


@dataclass(frozen=True, slots=True)
class Scope:
    """A person as one account may see her. `whole`: everything held; else only what this account entered or booked."""

    account: Account
    profile: Profile
    patient: Patient
    view: ProfileView
    whole: bool

    @property
    def account_id(self) -> int:
        """Of the account."""
        assert self.account.id is not None
        return self.account.id

    @property
    def patient_id(self) -> int:
        """Of the patient's row."""
        assert self.patient.id is not None
        return self.patient.id


async def scope_of(session: AsyncSession, account_id: int, profile: UUID, *, today: date) -> Scope:
    """The scope of an account in one of its people.

    Raises:
        ProfileUnknown: the account has no such person.
    """
    view = await queries.profile(session, account_id, profile, today=today)
    rows = (
        select(Account, Profile, Patient)
        .join(Profile, col(Profile.account_id) == col(Account.id))
        .join(Patient, col(Patient.id) == col(Profile.patient_id))
        .where(col(Account.id) == account_id, col(Profile.public_id) == profile, col(Profile.ended_at).is_(None))
    )
    row = (await session.execute(rows)).first()
    if row is None:
        raise ProfileUnknown
    account, found, patient = row
    whole = not await matching.looks_after_herself(session, patient, account_id)
    return Scope(account, found, patient, view, whole)


def visits_seen(account: Account) -> Any:
    """The condition on Appointment: what an account may see."""
    mine = select(Profile.patient_id).where(col(Profile.account_id) == account.id, col(Profile.ended_at).is_(None))
    herself = mine.where(col(Profile.relation) == Relation.SELF)
    of_number = mine.join(Patient, col(Patient.id) == col(Profile.patient_id)).where(
        col(Patient.phone_index) == account.phone_index
    )
    return or_(
        col(Appointment.account_id) == account.id,
        col(Appointment.patient_id).in_(herself),
        and_(col(Appointment.account_id).is_(None), col(Appointment.patient_id).in_(of_number)),
    )
