"""A patient asks to be told by SMS when her turn is near, or takes that back. She is known by her visit's link."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import account_of, recipient_of
from booking.clock import local_day
from booking.messages import numbers
from booking.patients.models import Patient
from booking.queue.wish_models import NearWish
from booking.trail.forgetting import BATCH, remove
from booking.trail.service import record

KEPT: Final = timedelta(days=2)
_MAY_WISH: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


async def wish(session: AsyncSession, code: str, *, wanted: bool, by: Actor, now: datetime) -> bool:
    """Note the wish of a visit that its link has opened, or forget it; again changes nothing. Whether it stands.

    A visit of another day, or one that is over or cancelled, wishes for nothing.
    """
    visit = await session.scalar(select(Appointment).where(col(Appointment.code) == code))
    if visit is None or visit.state not in _MAY_WISH or visit.day != local_day(now):
        return False
    if wanted:
        made = upsert(NearWish).values(appointment_id=visit.id, said_at=now)
        done: Any = await session.execute(made.on_conflict_do_nothing())
    else:
        done = await session.execute(delete(NearWish).where(col(NearWish.appointment_id) == visit.id))
    if done.rowcount:
        record(session, "queue.near", "appointment", visit.public_id, by=by, now=now, wanted=wanted)
    return wanted


@dataclass(frozen=True, slots=True)
class Wish:
    """What a patient may choose: whether she `wants` the text, and whether her number takes no reminders (`stopped`).

    The text goes all the same: this wish says more than that choice.
    """

    wants: bool
    stopped: bool


async def wishes(session: AsyncSession, code: str, *, now: datetime) -> Wish | None:
    """What a visit's patient wishes; None where no text is offered: on another day, or none reaches her."""
    query = (
        select(Appointment, Patient, NearWish)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(NearWish, col(NearWish.appointment_id) == col(Appointment.id))
        .where(col(Appointment.code) == code)
    )
    row = (await session.execute(query)).first()
    if row is None or row[0].state not in _MAY_WISH or row[0].day != local_day(now):
        return None
    visit, patient, wish_made = row
    to = recipient_of(visit, patient, await account_of(session, visit))
    number = await numbers.of_phone(session, to.phone)
    if to.phone is None or to.suppressed is not None or number.silent_since is not None:
        return None
    return Wish(wish_made is not None, number.stopped_at is not None)


async def forget_wishes(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove the wishes of days gone by."""
    return await remove(session, NearWish, col(NearWish.said_at) < now - KEPT, most=most)
