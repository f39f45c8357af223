"""“This is not me”: whoever reads about a stranger's visit says so. A service file of appointments, beside `service`.

The visit stays: it is somebody's. Its link is revoked, nothing more about it goes to that number, and staff are told.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.changing import holder
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.models import Appointment
from booking.messages.service import stop_number
from booking.patients import numbers
from booking.patients.models import Account, Patient
from booking.sealed import keys
from booking.trail.service import record


async def not_me(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> None:
    """Unhook the number that was told of this visit from the person it was made for; saying it again changes nothing.

    Args:
        session: of the caller's transaction.
        code: of the visit.
        token: opens it, or opened it until it was said.
        by: who asks.
        now: the moment of the request, UTC.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
    """
    query = select(Appointment).where(col(Appointment.code) == code).with_for_update()
    visit = (await session.execute(query)).scalar_one_or_none()
    if visit is None or visit.patient_id is None:
        raise AppointmentUnknown
    if not keys().token_fits(token, str(visit.public_id), visit.token_version):
        before = keys().token_fits(token, str(visit.public_id), visit.token_version - 1)
        if before and await numbers.is_disowned(session, visit.patient_id, visit.public_id):
            return
        raise AppointmentUnknown
    phone = await _told(session, visit)
    if phone is None:  # nothing was sent to anybody: who holds the paper has the paper
        raise AppointmentUnknown
    await numbers.disown(session, visit.patient_id, phone, visit=visit.public_id, by=holder(by), now=now)
    await stop_number(session, keys().index("phone", phone), now=now, subject_id=visit.public_id)
    visit.token_version += 1
    visit.account_id = None
    record(session, "appointment.not_me", "appointment", visit.public_id, by=holder(by), now=now)


async def _told(session: AsyncSession, visit: Appointment) -> str | None:
    """The number that texts about the visit went to; None where there is none."""
    account = await session.get(Account, visit.account_id) if visit.account_id is not None else None
    if account is not None and account.ended_at is None:
        return account.phone
    patient = await session.get(Patient, visit.patient_id)
    assert patient is not None
    return patient.phone
