"""Somebody comes into an account's list: with her, the visits that nobody was told of any more."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import wrong_number
from booking.patients import service
from booking.patients.commands import AddProfile
from booking.patients.kinds import FlagKind
from booking.patients.models import Patient, PatientFlag
from booking.patients.queries import ProfileView


async def add_person(
    session: AsyncSession, account_id: int, command: AddProfile, *, by: Actor, now: datetime
) -> ProfileView:
    """As `patients.service.add_profile`. Whose number was called wrong by mistake is told of her coming visits again.

    Raises:
        TooManyPeople and the other refusals of `add_profile`.
    """
    added = await service.add_profile(session, account_id, command, by=by, now=now)
    set_right = select(PatientFlag.id).where(
        col(PatientFlag.patient_id) == added.patient_id,
        col(PatientFlag.kind) == FlagKind.WRONG_NUMBER,
        col(PatientFlag.settled_at) == now,
    )
    if await session.scalar(set_right.limit(1)) is not None:
        patient = await session.get_one(Patient, added.patient_id)
        await wrong_number.tell_anew(session, patient, now=now)
    return added
