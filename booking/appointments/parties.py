"""Reads of what was kept or booked in one go, through the account that asks."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.directory.models import Facility, Service
from booking.patients.models import Patient
from booking.sealed import keys

_SHOWN = (
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.FULFILLED,
    AppointmentState.NOSHOW,
    AppointmentState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A place that is kept: its slot, its time, until when."""

    slot_id: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PartyVisit:
    """One visit of a party, as its account sees it; `path` is its ticket's address."""

    name: str
    state: str
    starts_at: datetime
    ends_at: datetime
    code: str
    path: str


@dataclass(frozen=True, slots=True)
class PartyView:
    """What was booked in one go for several people."""

    facility_code: str
    service_code: str
    visits: list[PartyVisit]


async def party_of(session: AsyncSession, public_id: UUID) -> UUID | None:
    """The party a visit was booked in; None when it was booked for one person."""
    query = select(col(Appointment.party_id)).where(
        col(Appointment.public_id) == public_id, col(Appointment.state).in_(_SHOWN)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def kept(session: AsyncSession, public_id: UUID, account_id: int) -> list[Kept]:
    """The places that are kept at this moment by a hold and beside it, in the order of time."""
    party = select(col(Appointment.party_id)).where(col(Appointment.public_id) == public_id).scalar_subquery()
    beside = (col(Appointment.party_id) == party) & (col(Appointment.account_id) == account_id)
    query = (
        select(Appointment)
        .where(
            or_(col(Appointment.public_id) == public_id, beside),
            col(Appointment.state) == AppointmentState.HELD,
            col(Appointment.expires_at) > func.clock_timestamp(),
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    found = (await session.execute(query)).scalars()
    return [Kept(one.slot_id, one.starts_at, one.ends_at, one.expires_at) for one in found if one.expires_at]


async def party(session: AsyncSession, account_id: int, party_id: UUID) -> PartyView:
    """What an account booked in one go.

    Raises:
        AppointmentUnknown: the account has no such party, whoever else may.
    """
    query = (
        select(Appointment, Patient, col(Facility.code), col(Service.code))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(
            col(Appointment.party_id) == party_id,
            col(Appointment.account_id) == account_id,
            col(Appointment.state).in_(_SHOWN),
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    rows = (await session.execute(query)).all()
    if not rows:
        raise AppointmentUnknown
    return PartyView(rows[0][2], rows[0][3], [_visit(row[0], row[1].name) for row in rows])


def _visit(visit: Appointment, name: str) -> PartyVisit:
    token = keys().link_token(str(visit.public_id), visit.token_version)
    path = f"/t/{visit.code}/{token}"
    return PartyVisit(name, visit.state.value, visit.starts_at, visit.ends_at, visit.code, path)
