"""Reminders or none: what whoever holds a visit's link says for the number that its texts go to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.changing import holder
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.models import Appointment
from booking.appointments.telling import account_of, recipient_of
from booking.messages import numbers
from booking.patients.models import Patient
from booking.sealed import keys
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class Choice:
    """The number that texts about a visit go to (E.164; None where none goes anywhere), and what it takes."""

    phone: str | None
    stopped_at: datetime | None


async def chosen(session: AsyncSession, code: str, token: str) -> Choice:
    """How it stands. Raises as `choose`."""
    _, phone = await _number(session, code, token)
    return await standing(session, phone)


async def choose(session: AsyncSession, code: str, token: str, *, wanted: bool, by: Actor, now: datetime) -> None:
    """Take reminders or none, for every visit that is told to this number. The same again changes nothing.

    Raises:
        AppointmentUnknown: no such code, the token does not fit, or no text goes anywhere.
    """
    visit, phone = await _number(session, code, token)
    if phone is None:
        raise AppointmentUnknown
    await say(session, phone, ("appointment", visit.public_id), wanted=wanted, by=by, now=now)


async def standing(session: AsyncSession, phone: str | None) -> Choice:
    """What a number takes."""
    return Choice(phone, (await numbers.of_phone(session, phone)).stopped_at)


async def say(
    session: AsyncSession, phone: str, about: tuple[str, UUID], *, wanted: bool, by: Actor, now: datetime
) -> None:
    """Take reminders and invitations or none at a number; `about` is what its link opened, for the audit."""
    if wanted:
        changed = await numbers.take_reminders(session, phone)
    else:
        changed = await numbers.stop_reminders(session, phone, now=now)
    if changed:
        record(session, "reminders.take" if wanted else "reminders.stop", *about, by=holder(by), now=now)


async def _number(session: AsyncSession, code: str, token: str) -> tuple[Appointment, str | None]:
    visit = (await session.execute(select(Appointment).where(col(Appointment.code) == code))).scalar_one_or_none()
    if visit is None or visit.patient_id is None:
        raise AppointmentUnknown
    if not keys().token_fits(token, str(visit.public_id), visit.token_version):
        raise AppointmentUnknown
    patient = await session.get_one(Patient, visit.patient_id)
    to = recipient_of(visit, patient, await account_of(session, visit))
    return visit, to.phone if to.suppressed is None else None
