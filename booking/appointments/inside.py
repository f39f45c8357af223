"""Who is booked in given times: for staff who close them, or have closed them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.patients.models import Patient

EXPECTED = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


@dataclass(frozen=True, slots=True)
class Inside:
    """Somebody who is to come."""

    appointment: UUID
    code: str
    slot_id: int
    day: date
    starts_at: datetime
    patient: UUID
    name: str


async def inside(session: AsyncSession, slot_ids: Collection[int]) -> list[Inside]:
    """Those booked or arrived in these slots, in the order of time; of two at one time who has the smaller place."""
    if not slot_ids:
        return []
    query = (
        select(
            col(Appointment.public_id), col(Appointment.code), col(Appointment.slot_id),
            col(Appointment.starts_at), col(Patient.public_id), col(Patient.name), col(Appointment.day),
        )
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .where(
            col(Appointment.slot_id) == any_(bindparam("ids", type_=ARRAY(BigInteger))),
            col(Appointment.state).in_(EXPECTED),
        )
        .order_by(col(Appointment.starts_at), col(Appointment.slot_id), col(Appointment.place))
    )  # fmt: skip
    rows = await session.execute(query, {"ids": sorted(slot_ids)})
    # The day is computed by the database, so only a row not yet written has none.
    return [
        Inside(visit, code, slot, day, starts_at, patient, name)
        for visit, code, slot, starts_at, patient, name, day in rows
        if day is not None
    ]
