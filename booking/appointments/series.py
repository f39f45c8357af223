"""Series: visits planned together, each within its window. Beside `for_others`.

As many as can be are booked, in one transaction; a date whose window has no place, or whose times are not published
yet, stays open in the series and is booked later with one press. All or nothing would leave a patient who needs six
visits with none, because times are published for some weeks only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments import for_others
from booking.appointments.errors import (
    AlreadyBooked,
    FacilityNotOpen,
    SeriesUnknown,
    SlotClosed,
    SlotFull,
    SlotMismatch,
    SlotNotReleased,
    SlotPast,
)
from booking.appointments.for_others import Free
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment, SeriesDate, VisitSeries
from booking.availability.models import Slot
from booking.directory.models import Service
from booking.directory.plans import Plan, Window, plans
from booking.patients.models import Patient
from booking.trail.service import record

_NO_PLACE = (SlotFull, SlotClosed, SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen, AlreadyBooked)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A date of a series and the earliest fitting time in its window; None where there is none."""

    window: Window
    free: Free | None
    published: bool


@dataclass(frozen=True, slots=True)
class DateView:
    """A date of a series as it stands: its visit, or a proposal while it is open."""

    window: Window
    code: str | None
    state: AppointmentState | None
    starts_at: datetime | None
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series with its dates."""

    id: UUID
    plan: Plan | None
    template: str
    service_name: str
    service_name_en: str
    made_at: datetime
    ended_at: datetime | None
    dates: tuple[DateView, ...]

    @property
    def open(self) -> bool:
        """Whether a date could be booked now."""
        return any(one.proposal is not None and one.proposal.free is not None for one in self.dates)

    @property
    def booked(self) -> int:
        """Dates that have a visit."""
        return sum(one.code is not None for one in self.dates)


async def propose(
    session: AsyncSession, windows: Sequence[Window], service_id: int, *, patient_id: int, now: datetime
) -> list[Proposal]:
    """The earliest fitting time in each window, on days on which the patient has no such visit yet."""
    last = await session.scalar(select(func.max(col(Slot.day))).where(col(Slot.service_id) == service_id))
    found: list[Proposal] = []
    taken: set[date] = set()
    for window in windows:
        free = await for_others.earliest(
            session, service_id, now=now, first=window.first, last=window.last, patients=[patient_id], most=10
        )
        chosen = next((one for one in free if one.day not in taken), None)
        if chosen is not None:
            taken.add(chosen.day)
        found.append(Proposal(window, chosen, last is not None and window.first <= last))
    return found


async def plan(
    session: AsyncSession,
    series: UUID,
    template: Plan,
    windows: Sequence[Window],
    slots: Mapping[int, int],
    *,
    patient: Patient,
    service: str,
    facility_id: int,
    by: Actor,
    now: datetime,
) -> UUID:
    """Make a series and book what can be booked; the same id again is the same series.

    Args:
        session: of the caller's transaction.
        series: the public id, minted into the form.
        template: the plan.
        windows: its dates.
        slots: number of a date → the time chosen for it; what is left out stays open.
        patient: for whom.
        service: code of the service at this facility.
        facility_id: where.
        by: who plans.
        now: the moment of the request.

    Raises:
        SeriesUnknown: the facility has no such service, or the id is that of another patient's or facility's series.
    """
    there = await session.scalar(select(VisitSeries).where(col(VisitSeries.public_id) == series))
    if there is not None:
        await _series(session, series, patient, facility_id)
        return series
    of_facility = (col(Service.facility_id) == facility_id, col(Service.code) == service)
    service_id = await session.scalar(select(col(Service.id)).where(*of_facility))
    if service_id is None:
        raise SeriesUnknown
    assert patient.id is not None
    locked = await _locked(session, slots.values(), facility_id)
    made = VisitSeries(
        public_id=series, patient_id=patient.id, facility_id=facility_id, service_id=service_id, template=template.code,
        made_at=now,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    assert made.id is not None
    dates = [
        SeriesDate(series_id=made.id, number=one.number, due=one.due, first_day=one.first, last_day=one.last)
        for one in windows
    ]
    session.add_all(dates)
    await session.flush()
    await _book(session, made, dates, slots, locked, patient=patient, by=by, now=now)
    record(
        session, "series.plan", "patient", patient.public_id, by=by, now=now, series=str(series), plan=template.code,
        booked=sum(one.appointment_id is not None for one in dates), dates=len(dates),
    )  # fmt: skip
    await session.flush()
    return series


async def book_open(
    session: AsyncSession,
    series: UUID,
    slots: Mapping[int, int],
    *,
    patient: Patient,
    facility_id: int,
    by: Actor,
    now: datetime,
) -> None:
    """Book open dates of a series; a date that has a visit already is left as it is.

    Raises:
        SeriesUnknown: no such series of this patient here.
    """
    locked = await _locked(session, slots.values(), facility_id)
    made = await _series(session, series, patient, facility_id, lock=True)
    rows = await session.execute(select(SeriesDate).where(_open(made)).order_by(col(SeriesDate.number)))
    dates = [row for row in rows.scalars() if row.number in slots]
    await _book(session, made, dates, slots, locked, patient=patient, by=by, now=now)
    await session.flush()


def _open(made: VisitSeries) -> ColumnElement[bool]:
    """Dates without a visit, or with one that was cancelled."""
    cancelled = select(col(Appointment.id)).where(col(Appointment.state) == AppointmentState.CANCELLED)
    without = or_(col(SeriesDate.appointment_id).is_(None), col(SeriesDate.appointment_id).in_(cancelled))
    return and_(col(SeriesDate.series_id) == made.id, without)


async def _locked(session: AsyncSession, wanted: object, facility_id: int) -> dict[int, Slot]:
    slots = await for_others.locked_slots(session, list(wanted), facility_id)  # type: ignore[call-overload]
    return {slot.id: slot for slot in slots if slot.id is not None}


async def _book(
    session: AsyncSession,
    made: VisitSeries,
    dates: Sequence[SeriesDate],
    slots: Mapping[int, int],
    locked: Mapping[int, Slot],
    *,
    patient: Patient,
    by: Actor,
    now: datetime,
) -> None:
    """Book each date whose time is still free and lies in its window; the others stay open."""
    for date_ in dates:
        slot = locked.get(slots.get(date_.number, 0))
        if slot is None or slot.service_id != made.service_id or slot.day is None:
            continue
        if not date_.first_day <= slot.day <= date_.last_day:
            continue
        try:
            async with session.begin_nested():
                visit = await for_others.seat(session, patient, slot, language="vi", by=by, now=now)
        except _NO_PLACE:
            continue
        await session.refresh(slot)
        date_.appointment_id = visit.id


async def _series(
    session: AsyncSession, series: UUID, patient: Patient, facility_id: int, *, lock: bool = False
) -> VisitSeries:
    query = select(VisitSeries).where(
        col(VisitSeries.public_id) == series, col(VisitSeries.patient_id) == patient.id,
        col(VisitSeries.facility_id) == facility_id,
    )  # fmt: skip
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise SeriesUnknown
    return found


async def view(
    session: AsyncSession, series: UUID, *, patient: Patient, facility_id: int, now: datetime, today: date
) -> SeriesView:
    """A series of a patient at a facility, with proposals for what is open.

    Raises:
        SeriesUnknown: there is none.
    """
    return await _view(session, await _series(session, series, patient, facility_id), now=now, today=today)


async def of_patient(
    session: AsyncSession, patient: Patient, *, facility_id: int, now: datetime, today: date
) -> list[SeriesView]:
    """The series of a patient at a facility, the newest first."""
    query = (
        select(VisitSeries)
        .where(col(VisitSeries.patient_id) == patient.id, col(VisitSeries.facility_id) == facility_id)
        .order_by(col(VisitSeries.id).desc())
    )
    rows = (await session.execute(query)).scalars().all()
    return [await _view(session, row, now=now, today=today) for row in rows]


async def _view(session: AsyncSession, made: VisitSeries, *, now: datetime, today: date) -> SeriesView:
    query = (
        select(SeriesDate, Appointment)
        .outerjoin(Appointment, col(Appointment.id) == col(SeriesDate.appointment_id))
        .where(col(SeriesDate.series_id) == made.id)
        .order_by(col(SeriesDate.number))
    )
    rows: list[tuple[SeriesDate, Appointment | None]] = [(row[0], row[1]) for row in await session.execute(query)]
    service = await session.get(Service, made.service_id)
    assert service is not None
    template = plans().get(made.template)
    live = {
        date_.id: visit for date_, visit in rows if visit is not None and visit.state is not AppointmentState.CANCELLED
    }
    windows = {date_.id: _window(date_, template) for date_, _ in rows}
    wanted = [windows[date_.id] for date_, _ in rows if date_.id not in live and date_.last_day >= today]
    open_ones = await propose(session, wanted, made.service_id, patient_id=made.patient_id, now=now)
    by_number = {one.window.number: one for one in open_ones}
    views = []
    for date_, _ in rows:
        window, visit = windows[date_.id], live.get(date_.id)
        if visit is not None:
            views.append(DateView(window, visit.code, visit.state, visit.starts_at, None))
        else:
            views.append(DateView(window, None, None, None, by_number.get(date_.number)))
    return SeriesView(
        made.public_id, template, made.template, service.name, service.name_en, made.made_at, made.ended_at,
        tuple(views),
    )  # fmt: skip


def _window(date_: SeriesDate, template: Plan | None) -> Window:
    due = template.dates[date_.number - 1] if template and date_.number <= len(template.dates) else None
    return Window(
        date_.number, date_.due, date_.first_day, date_.last_day, due.name if due else "", due.name_en if due else ""
    )
