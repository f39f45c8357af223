"""Waits that are over, and places that were offered in vain, are removed after a while."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget
from booking.trail.forgetting import BATCH, remove

KEPT: Final = timedelta(days=90)
"""As far back as one can wait ahead, and a month: until then she may ask what became of it."""


async def forget_waits(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove entries that ended long ago, with their offers and the places that lapsed; how many entries.

    A visit that came of an offer stays: it is a visit like any other.
    """
    over = (
        select(col(WaitlistEntry.id))
        .where(col(WaitlistEntry.ended_at) < now - KEPT)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    old = list((await session.execute(over)).scalars())
    visits = delete(Offer).where(col(Offer.entry_id).in_(old)).returning(col(Offer.appointment_id))
    offered = list((await session.execute(visits)).scalars())
    await session.execute(
        delete(Appointment)
        .where(col(Appointment.id).in_(offered), col(Appointment.state) == AppointmentState.LAPSED)
        .execution_options(synchronize_session=False)
    )
    await session.execute(delete(WaitlistTarget).where(col(WaitlistTarget.entry_id).in_(old)))
    return await remove(session, WaitlistEntry, col(WaitlistEntry.id).in_(old), most=most)
