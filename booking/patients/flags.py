"""What staff should look at: people who change hands, profiles that become somebody else. The facts are counts only."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.patients.kinds import FlagKind
from booking.patients.models import Patient, PatientFlag, Profile

MANY_HANDS: Final = 3
"""Accounts that book for one person: her own, one of the family, and one more to look at."""

COUNTED: Final = frozenset({"accounts", "people"})
"""Facts that are counts: the same count again tells nothing new, a higher one does."""

ANSWER_HOLDS: Final = timedelta(days=180)
"""So long a manager's answer to a count need not be given again."""


async def flag(session: AsyncSession, patient: Patient, kind: FlagKind, *, now: datetime, **facts: object) -> None:
    """Show a person to staff, unless that is open already, or was answered lately when the counts were the same."""
    shown: ColumnElement[bool] = col(PatientFlag.settled_at).is_(None)
    if COUNTED & facts.keys():
        known = and_(col(PatientFlag.settled_at) > now - ANSWER_HOLDS, col(PatientFlag.facts) == facts)
        shown = or_(shown, known)
    open_one = select(PatientFlag.id).where(
        col(PatientFlag.patient_id) == patient.id, col(PatientFlag.kind) == kind, shown
    )
    if await session.scalar(open_one.limit(1)) is None:
        assert patient.id is not None
        session.add(PatientFlag(patient_id=patient.id, kind=kind, facts=facts, created_at=now))


async def flag_many_hands(session: AsyncSession, patient: Patient, *, now: datetime) -> None:
    """Flag a person whom three accounts or more book for now.

    The same person is one row, or rows that carry the same number of a citizen ID or insurance card. Nobody is told:
    who types another's number must not learn that she is known here.
    """
    await session.flush()
    same = [col(Patient.id) == patient.id]
    if patient.citizen_id_index is not None:
        same.append(col(Patient.citizen_id_index) == patient.citizen_id_index)
    if patient.bhyt_index is not None:
        same.append(col(Patient.bhyt_index) == patient.bhyt_index)
    accounts = await session.scalar(
        select(func.count(func.distinct(col(Profile.account_id))))
        .select_from(Profile)
        .join(Patient, col(Patient.id) == col(Profile.patient_id))
        .where(col(Profile.ended_at).is_(None), or_(*same))
    )
    if accounts is not None and accounts >= MANY_HANDS:
        await flag(session, patient, FlagKind.CHANGED_HANDS, now=now, accounts=accounts)
