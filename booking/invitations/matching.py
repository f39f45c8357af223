"""Whom a slip concerns: a number of her papers, her name and her birth, all three; never a name alone.

Nothing is stored about a match. It is asked for when somebody looks or books, so a number entered later finds the slip
and a number corrected loses it, with nothing to repair. Where people of several accounts fit one slip, one of them is
not she: it concerns nobody until staff found out, who see them as CHANGED_HANDS.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import LargeBinary, and_, any_, cast, func, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.invitations.kinds import InvitationState
from booking.invitations.models import Invitation
from booking.invitations.rules import same_birth
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from booking.patients.models import Patient, Profile
from booking.patients.rules import Birth
from booking.sealed import keys


def name_index(folded: str) -> bytes:
    """The blind index of a folded name, for slips only."""
    return keys().index("invitation-name", folded)


def is_open(today: date) -> Any:
    """Slips that can be used: open ones, and those whose visit was cancelled, as long as they are good.

    Needs the visit outer-joined.
    """
    given_back = and_(
        col(Invitation.state) == InvitationState.USED, col(Appointment.state) == AppointmentState.CANCELLED
    )
    return and_(or_(col(Invitation.state) == InvitationState.OPEN, given_back), col(Invitation.last_day) >= today)


async def of_patient(session: AsyncSession, patient: Patient, *, today: date, lock: bool = False) -> list[Invitation]:
    """The open slips that concern a person who agreed to be shown them, the earliest due first.

    Args:
        session: the caller's transaction.
        patient: the person.
        today: the local day.
        lock: whether one of them is about to be used.
    """
    marks = [mark for mark in (patient.citizen_id_index, patient.bhyt_index) if mark is not None]
    if not marks or patient.id is None or patient.erased_at is not None:
        return []
    if not (await consents.standing(session, patient.id, today=today)).get(ConsentPurpose.INVITATION, False):
        return []
    query = (
        select(Invitation)
        .outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(
            col(Invitation.marks).overlap(cast(marks, ARRAY(LargeBinary))),  # type: ignore[attr-defined]
            col(Invitation.name_index) == name_index(patient.name_folded),
            is_open(today),
        )
        .order_by(col(Invitation.due), col(Invitation.id))
    )
    if lock:
        query = query.with_for_update(of=Invitation).execution_options(populate_existing=True)
    person = Birth(patient.birth_year, patient.birth_date)
    found = [slip for slip in (await session.execute(query)).scalars() if same_birth(birth_of(slip), person)]
    return [slip for slip in found if not await rivals(session, slip, patient, today=today)]


async def rivals(session: AsyncSession, slip: Invitation, patient: Patient, *, today: date) -> list[Patient]:
    """Others whom a slip fits as well, in accounts that do not have this person."""
    hers = select(col(Profile.account_id)).where(col(Profile.patient_id) == patient.id, col(Profile.ended_at).is_(None))
    theirs = select(Profile.id).where(
        col(Profile.patient_id) == col(Patient.id),
        col(Profile.ended_at).is_(None),
        col(Profile.account_id).not_in(hers),
    )
    query = (
        select(Patient)
        .where(
            or_(col(Patient.citizen_id_index).in_(slip.marks), col(Patient.bhyt_index).in_(slip.marks)),
            col(Patient.id) != patient.id,
            col(Patient.merged_into_id).is_(None),
            col(Patient.erased_at).is_(None),
            theirs.exists(),
        )
        .order_by(col(Patient.id))
    )
    return [
        other for other in (await session.execute(query)).scalars() if await _fits(session, slip, other, today=today)
    ]


async def whom(session: AsyncSession, slip: Invitation, *, today: date) -> Patient | None:
    """The person an open slip concerns, where she is known here and agreed; None where several claim it."""
    query = (
        select(Patient)
        .where(
            or_(col(Patient.citizen_id_index).in_(slip.marks), col(Patient.bhyt_index).in_(slip.marks)),
            col(Patient.merged_into_id).is_(None),
            col(Patient.erased_at).is_(None),
        )
        .order_by(col(Patient.id))
    )
    for patient in (await session.execute(query)).scalars().all():
        if await _fits(session, slip, patient, today=today):
            return None if await rivals(session, slip, patient, today=today) else patient
    return None


async def _fits(session: AsyncSession, slip: Invitation, patient: Patient, *, today: date) -> bool:
    """Whether a person known by a number of the slip has its name and birth, and agreed to be shown it."""
    person = Birth(patient.birth_year, patient.birth_date)
    if slip.name_index != name_index(patient.name_folded) or not same_birth(birth_of(slip), person):
        return False
    assert patient.id is not None
    return (await consents.standing(session, patient.id, today=today)).get(ConsentPurpose.INVITATION, False)


def known() -> Any:
    """That a person and a slip share a number: a condition between their two tables."""
    return or_(
        col(Patient.citizen_id_index) == any_(col(Invitation.marks)),
        col(Patient.bhyt_index) == any_(col(Invitation.marks)),
    )


async def claimed(session: AsyncSession, *, today: date, without: Collection[int] = (), most: int = 200) -> list[int]:
    """Rows of open slips that share a number with several people, by their ids. Nothing sealed is read."""
    query = (
        select(col(Invitation.id))
        .join(Patient, known())
        .outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(
            is_open(today),
            col(Patient.merged_into_id).is_(None),
            col(Patient.erased_at).is_(None),
            col(Invitation.id).not_in(without),
        )
        .group_by(col(Invitation.id))
        .having(func.count() > 1)
        .order_by(col(Invitation.id))
        .limit(most)
    )
    return [row for row in (await session.execute(query)).scalars() if row is not None]


async def contested(session: AsyncSession, slips: Sequence[int], *, today: date) -> list[Patient]:
    """People of several accounts whom one of these slips fits; all of them."""
    query = (
        select(Invitation, Patient)
        .join(Patient, known())
        .where(col(Invitation.id).in_(slips), col(Patient.merged_into_id).is_(None), col(Patient.erased_at).is_(None))
        .order_by(col(Invitation.id), col(Patient.id))
    )
    found: dict[int | None, Patient] = {}
    for slip, patient in (await session.execute(query)).all():
        if await _fits(session, slip, patient, today=today) and await rivals(session, slip, patient, today=today):
            found[patient.id] = patient
    return list(found.values())


def birth_of(slip: Invitation) -> Birth:
    """The birth on a slip."""
    return Birth(slip.birth_year, date.fromisoformat(slip.birth_day) if slip.birth_day else None)
