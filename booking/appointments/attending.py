"""What a patient says about a visit that is close: “I will come”, “I will not come”.

The second gives the place up, and can be said until the visit begins: a place that is free an hour early still helps
somebody. It is a cancellation under the locks of `changing`; the first touches the appointment alone.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import changing
from booking.appointments.commands import CancelAppointment
from booking.appointments.errors import AppointmentUnknown, NotChangeable
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.errors import Conflict
from booking.sealed import keys
from booking.trail.service import record


async def confirm(session: AsyncSession, code: str, token: str, *, version: int, by: Actor, now: datetime) -> None:
    """Note that the patient said she will come; saying it again changes nothing. A move forgets it.

    Args:
        session: of the caller's transaction.
        code: of the visit.
        token: opens it.
        version: of the visit as she saw it: who said yes to one time has not said yes to another.
        by: who asks.
        now: the moment of the request, UTC.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
        NotChangeable: it is over, was cancelled, or she is there already.
        Conflict: the time was changed since she looked.
    """
    visit = await _locked(session, code, token)
    if visit.state is not AppointmentState.BOOKED or now >= visit.ends_at:
        raise NotChangeable(state=visit.state.value)
    if visit.version != version:
        raise Conflict
    if visit.confirmed_at is not None:
        return
    visit.confirmed_at = now
    record(
        session, "appointment.confirm", "appointment", visit.public_id, by=changing.holder(by), now=now,
        version=version,
    )  # fmt: skip


async def decline(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> None:
    """Give the place up because she will not come; declining again changes nothing.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
        TooLateToChange: the visit has begun.
        NotChangeable: she is there already, or it is over.
    """
    await changing.cancel(session, code, token, CancelAppointment(reason=DECLINED), by=by, now=now, until_start=True)


DECLINED = "declined"
"""The reason kept with a visit whose patient said that she will not come."""


async def _locked(session: AsyncSession, code: str, token: str) -> Appointment:
    """The appointment a token opens, locked; no slot is touched, so the order of locks is not broken."""
    query = select(Appointment).where(col(Appointment.code) == code).with_for_update()
    visit = (await session.execute(query)).scalar_one_or_none()
    if visit is None or not keys().token_fits(token, str(visit.public_id), visit.token_version):
        raise AppointmentUnknown
    return visit
