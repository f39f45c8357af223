"""Visits an account may see, each with the address that opens its slip."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.directory.models import Facility, Service
from booking.patients.models import Account, Patient
from booking.records.scope import Scope, visits_seen
from booking.sealed import keys

TAKES_PLACE = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit in a list. `path` opens its slip: the one who is signed in needs no link from a message."""

    code: str
    token: str
    name: str
    facility: str
    facility_en: str
    service: str
    service_en: str
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState

    @property
    def path(self) -> str:
        """The address of its slip."""
        return f"/t/{self.code}/{self.token}"


async def coming(session: AsyncSession, account_id: int, *, now: datetime) -> list[VisitView]:
    """The visits that are still to come, or that go on now, the next one first."""
    account = await session.get(Account, account_id)
    if account is None:
        return []
    query = _visits().where(
        visits_seen(account), col(Appointment.state).in_(TAKES_PLACE), col(Appointment.ends_at) > now
    )
    return await _read(session, query.order_by(col(Appointment.starts_at), col(Appointment.id)))


async def past(session: AsyncSession, account_id: int, *, now: datetime, most: int = 20) -> list[VisitView]:
    """The latest visits that are over or were cancelled, the latest first."""
    account = await session.get(Account, account_id)
    if account is None:
        return []
    unused = (AppointmentState.HELD, AppointmentState.LAPSED)
    over = ~(col(Appointment.state).in_(TAKES_PLACE) & (col(Appointment.ends_at) > now))
    query = _visits().where(visits_seen(account), over, col(Appointment.state).not_in(unused))
    return await _read(session, query.order_by(col(Appointment.starts_at).desc()).limit(most))


async def coming_of(session: AsyncSession, scope: Scope, *, now: datetime) -> list[VisitView]:
    """Her visits that are still to come and can be given up."""
    query = _visits().where(
        visits_seen(scope.account),
        col(Appointment.patient_id) == scope.patient_id,
        col(Appointment.state) == AppointmentState.BOOKED,
        col(Appointment.starts_at) > now,
    )
    return await _read(session, query.order_by(col(Appointment.starts_at)))


async def facilities_of(session: AsyncSession, scope: Scope) -> list[Facility]:
    """Where she has or had a visit that this account may see, by name: they hold something about her."""
    known = select(col(Appointment.facility_id)).where(
        visits_seen(scope.account),
        col(Appointment.patient_id) == scope.patient_id,
        col(Appointment.state).not_in((AppointmentState.HELD, AppointmentState.LAPSED)),
    )
    query = select(Facility).where(col(Facility.id).in_(known)).order_by(col(Facility.sort_key))
    return list((await session.execute(query)).scalars())


def _visits() -> Any:
    return (
        select(Appointment, Patient, Facility, Service)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
    )


async def _read(session: AsyncSession, query: Any) -> list[VisitView]:
    ring = keys()
    return [
        VisitView(
            code=visit.code, token=ring.link_token(str(visit.public_id), visit.token_version), name=patient.name,
            facility=facility.name, facility_en=facility.name_en, service=service.name, service_en=service.name_en,
            starts_at=visit.starts_at, ends_at=visit.ends_at, state=visit.state,
        )
        for visit, patient, facility, service in await session.execute(query)
    ]  # fmt: skip
