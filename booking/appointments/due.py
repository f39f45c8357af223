"""Dates of series that nobody has booked yet: due, and waiting for the calendar or for a place. Beside `series`.

A date stays open in its series as long as no visit stands for it. Here the open dates of a whole facility are one list,
so that somebody presses when the calendar opens. A date for which the patient booked a visit herself is not open.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments import for_others
from booking.appointments.errors import SeriesUnknown
from booking.appointments.for_others import Free
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment, SeriesDate, VisitSeries
from booking.availability.models import Slot
from booking.directory.models import Service
from booking.directory.plans import Plan, plans
from booking.patients.models import Patient
from booking.trail.service import record

MOST: Final = 60
"""Dates shown; the next follow once these are booked."""

AHEAD: Final = timedelta(days=60)
"""Windows that begin later than this are left for later."""

BEHIND: Final = timedelta(days=30)
"""So long a date whose days are over is shown: somebody should telephone."""

_LIVE: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED, AppointmentState.FULFILLED)


class Standing(StrEnum):
    """How an open date stands."""

    FREE = "free"  # can be booked now
    FULL = "full"  # times are published, and none is free
    CLOSED = "closed"  # the calendar is not open for these days yet
    OVER = "over"  # the days are over, and nobody came


@dataclass(frozen=True, slots=True)
class OpenDate:
    """An open date of somebody's series."""

    series: UUID
    patient: UUID
    name: str
    birth_year: int
    phone: str | None
    plan: Plan | None
    template: str
    service: str
    service_name: str
    service_name_en: str
    number: int
    due: date
    first: date
    last: date
    free: Free | None
    standing: Standing


def without_visit() -> Any:
    """Dates for which no visit stands: none was booked, it was cancelled, and she has none of her own in these days."""
    cancelled = select(col(Appointment.id)).where(col(Appointment.state) == AppointmentState.CANCELLED)
    own = select(literal(1)).where(
        col(Appointment.patient_id) == col(VisitSeries.patient_id),
        col(Appointment.service_id) == col(VisitSeries.service_id),
        col(Appointment.day).between(col(SeriesDate.first_day), col(SeriesDate.last_day)),
        col(Appointment.state).in_(_LIVE),
        col(Appointment.id).not_in(
            select(col(SeriesDate.appointment_id)).where(col(SeriesDate.appointment_id).is_not(None))
        ),
    )
    open_ = or_(col(SeriesDate.appointment_id).is_(None), col(SeriesDate.appointment_id).in_(cancelled))
    return open_ & ~own.correlate(VisitSeries, SeriesDate).exists()


async def due_at(session: AsyncSession, facility_id: int, *, now: datetime, today: date) -> list[OpenDate]:
    """The open dates of a facility, those whose days end first before the others; at most MOST + 1."""
    query = (
        select(SeriesDate, VisitSeries, Patient, Service)
        .join(VisitSeries, col(VisitSeries.id) == col(SeriesDate.series_id))
        .join(Patient, col(Patient.id) == col(VisitSeries.patient_id))
        .join(Service, col(Service.id) == col(VisitSeries.service_id))
        .where(
            col(VisitSeries.facility_id) == facility_id,
            col(VisitSeries.ended_at).is_(None),
            col(SeriesDate.last_day) >= today - BEHIND,
            col(SeriesDate.first_day) <= today + AHEAD,
            col(Patient.erased_at).is_(None),
            without_visit(),
        )
        .order_by(col(SeriesDate.last_day), col(SeriesDate.id))
        .limit(MOST + 1)
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    published = await _published(session, {service.id for _, _, _, service in rows})
    return [await _open(session, *row, published=published, now=now, today=today) for row in rows]


async def _published(session: AsyncSession, services: set[int]) -> dict[int, date]:
    """The last day of each service for which there are times."""
    query = (
        select(col(Slot.service_id), func.max(col(Slot.day)))
        .where(col(Slot.service_id).in_(services))
        .group_by(col(Slot.service_id))
    )
    return {service: day for service, day in (await session.execute(query)).all() if day is not None}


async def _open(
    session: AsyncSession,
    one: SeriesDate,
    made: VisitSeries,
    patient: Patient,
    service: Service,
    *,
    published: dict[int, date],
    now: datetime,
    today: date,
) -> OpenDate:
    assert service.id is not None
    assert patient.id is not None
    found: list[Free] = []
    if one.last_day >= today:
        found = await for_others.earliest(
            session, service.id, now=now, first=max(one.first_day, today), last=one.last_day, patients=[patient.id],
            most=1,
        )  # fmt: skip
    last = published.get(service.id)
    if one.last_day < today:
        standing = Standing.OVER
    elif found:
        standing = Standing.FREE
    else:
        standing = Standing.FULL if last is not None and one.first_day <= last else Standing.CLOSED
    return OpenDate(
        made.public_id, patient.public_id, patient.name, patient.birth_year, patient.phone,
        plans().get(made.template), made.template, service.code, service.name, service.name_en, one.number, one.due,
        one.first_day, one.last_day, found[0] if found else None, standing,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dated:
    """A date of a series, and the public id of the visit that stands for it."""

    number: int
    due: date
    first: date
    last: date
    visit: UUID | None


async def dates_of(session: AsyncSession, series: UUID) -> tuple[list[Dated], str]:
    """All dates of a series, and the code of its service."""
    query = (
        select(SeriesDate, Appointment, col(Service.code))
        .join(VisitSeries, col(VisitSeries.id) == col(SeriesDate.series_id))
        .join(Service, col(Service.id) == col(VisitSeries.service_id))
        .outerjoin(
            Appointment,
            (col(Appointment.id) == col(SeriesDate.appointment_id))
            & (col(Appointment.state) != AppointmentState.CANCELLED),
        )
        .where(col(VisitSeries.public_id) == series)
        .order_by(col(SeriesDate.number))
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    dates = [
        Dated(one.number, one.due, one.first_day, one.last_day, visit.public_id if visit else None)
        for one, visit, _ in rows
    ]
    return dates, rows[0][2] if rows else ""


async def end(
    session: AsyncSession, series: UUID, *, patient: Patient, facility_id: int, ended: bool, by: Actor, now: datetime
) -> None:
    """Ask for the open dates of a series no more, or ask for them again. Visits that are booked stay.

    Raises:
        SeriesUnknown: no such series of this patient here.
    """
    query = select(VisitSeries).where(
        col(VisitSeries.public_id) == series, col(VisitSeries.patient_id) == patient.id,
        col(VisitSeries.facility_id) == facility_id,
    )  # fmt: skip
    made = await session.scalar(query.with_for_update())
    if made is None:
        raise SeriesUnknown
    if (made.ended_at is not None) == ended:
        return
    made.ended_at = now if ended else None
    action = "series.end" if ended else "series.resume"
    record(session, action, "patient", patient.public_id, by=by, now=now, series=str(series))
    await session.flush()
