"""Waits that are over, and places that were offered in vain, are removed after a while."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import CursorResult, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget

KEPT: Final = timedelta(days=90)
"""As far back as one can wait ahead, and a month: until then she may ask what became of it."""


async def forget_waits(session: AsyncSession, *, now: datetime) -> int:
    """Remove entries that ended long ago, with their offers and the places that lapsed; how many entries.

    A visit that came of an offer stays: it is a visit like any other.
    """
    old = select(WaitlistEntry.id).where(col(WaitlistEntry.ended_at) < now - KEPT)
    visits = delete(Offer).where(col(Offer.entry_id).in_(old)).returning(col(Offer.appointment_id))
    offered = list((await session.execute(visits)).scalars())
    await session.execute(
        delete(Appointment)
        .where(col(Appointment.id).in_(offered), col(Appointment.state) == AppointmentState.LAPSED)
        .execution_options(synchronize_session=False)
    )
    await session.execute(delete(WaitlistTarget).where(col(WaitlistTarget.entry_id).in_(old)))
    gone = await session.execute(
        delete(WaitlistEntry)
        .where(col(WaitlistEntry.ended_at) < now - KEPT)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(gone, CursorResult)
    return gone.rowcount
