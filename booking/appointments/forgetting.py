"""Holds that came to nothing are no record of anybody: they are removed after a while."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.trail.forgetting import BATCH, remove

KEPT: Final = timedelta(days=7)


async def forget_lapsed_holds(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove holds that lapsed a week ago; how many.

    A hold has no patient, no message and no conflict: nothing refers to it but the audit, which names it by its
    public id and stays.
    """
    return await remove(
        session,
        Appointment,
        col(Appointment.state) == AppointmentState.LAPSED,
        col(Appointment.patient_id).is_(None),
        col(Appointment.expires_at) < now - KEPT,
        most=most,
    )
