"""Places that must not pass from hand to hand: one that was given up is not for the same hands for some minutes.

Else a tout could cancel one visit and take the very place for somebody else. What she moves away from stays hers to
come back to: a move changes the time, never the person.
"""

from datetime import datetime

from sqlalchemy import func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.availability.models import Slot
from booking.patients.models import Patient


def free(slot: Slot, now: datetime) -> int:
    """Places of a slot for somebody at home, by its row."""
    kept = slot.reserved - slot.reserved_used if now < slot.release_at else 0
    return max(0, len(slot.free_places) - kept)


async def left(
    session: AsyncSession,
    slot: Slot,
    *,
    account_id: int | None,
    device: bytes | None,
    phone_index: bytes | None,
    since: datetime,
    now: datetime,
) -> int:
    """Places of a locked slot for these hands: without those they gave up after `since`.

    The hands are an account, a browser that says which it is, and a number; each only where it is known.
    """
    mine = [col(Appointment.account_id) == account_id] if account_id is not None else []
    if device is not None:
        mine.append(col(Appointment.device) == device)
    if phone_index is not None:
        of_number = select(col(Patient.id)).where(col(Patient.phone_index) == phone_index)
        mine.append(col(Appointment.patient_id).in_(of_number))
    if not mine:
        return free(slot, now)
    query = select(func.count()).where(
        col(Appointment.slot_id) == slot.id,
        col(Appointment.state) == AppointmentState.CANCELLED,
        col(Appointment.cancelled_by) == CancelledBy.PATIENT,
        col(Appointment.cancelled_at) > since,
        or_(*mine),
    )
    return max(0, free(slot, now) - (await session.execute(query)).scalar_one())
