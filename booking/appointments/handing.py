"""Places that must not pass from hand to hand: one that was given up is not for the same hands for some minutes.

Else a tout could cancel one visit, or move it elsewhere, and take the very place for somebody else. The visit that was
moved may come back to where it was: a move changes the time, never the person.
"""

from datetime import datetime

from sqlalchemy import delete, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment, PlaceLeft
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
    moving: Appointment | None = None,
) -> int:
    """Places of a locked slot for these hands: without those they gave up or moved away from after `since`.

    The hands are an account, a browser that says which it is, and a number; each only where it is known. `moving` is a
    visit that wants to come in: what it left itself is not kept from it.
    """
    mine = [col(Appointment.account_id) == account_id] if account_id is not None else []
    if device is not None:
        mine.append(col(Appointment.device) == device)
    if phone_index is not None:
        of_number = select(col(Patient.id)).where(col(Patient.phone_index) == phone_index)
        mine.append(col(Appointment.patient_id).in_(of_number))
    if not mine:
        return free(slot, now)
    ended = select(func.count()).where(
        col(Appointment.slot_id) == slot.id,
        col(Appointment.state) == AppointmentState.CANCELLED,
        col(Appointment.cancelled_by) == CancelledBy.PATIENT,
        col(Appointment.cancelled_at) > since,
        or_(*mine),
    )
    gone = (
        select(func.count())
        .select_from(PlaceLeft)
        .join(Appointment, col(Appointment.id) == col(PlaceLeft.appointment_id))
        .where(col(PlaceLeft.slot_id) == slot.id, col(PlaceLeft.left_at) > since, or_(*mine))
    )
    if moving is not None:
        gone = gone.where(col(PlaceLeft.appointment_id) != moving.id)
    kept: int = (await session.execute(select(ended.scalar_subquery() + gone.scalar_subquery()))).scalar_one()
    return max(0, free(slot, now) - kept)


async def remember_left(
    session: AsyncSession, visit: Appointment, slot_id: int, *, since: datetime, now: datetime
) -> None:
    """A patient moved her locked visit out of a slot, into the one it is in now."""
    mine = col(PlaceLeft.appointment_id) == visit.id
    over = or_(col(PlaceLeft.left_at) <= since, col(PlaceLeft.slot_id).in_([slot_id, visit.slot_id]))
    await session.execute(delete(PlaceLeft).where(mine, over))
    assert visit.id is not None
    session.add(PlaceLeft(appointment_id=visit.id, slot_id=slot_id, left_at=now))
