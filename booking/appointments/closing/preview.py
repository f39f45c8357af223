"""What a closing would do, before anything is done: how many, who cannot be reached by SMS, who finds another place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import clock
from booking.appointments.closing import covering, rules
from booking.appointments.closing.covering import Area
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.closing.rules import UNDO_FOR, Time
from booking.appointments.kinds import BLOCKS_DAY, AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import recipient_of, to_telephone
from booking.availability.models import Session, Slot
from booking.directory.models import Facility, Practitioner, Service
from booking.patients.models import Account, Patient


@dataclass(frozen=True, slots=True)
class Unreached:
    """Somebody inside whom no SMS reaches; `why` is a SuppressedReason."""

    patient: UUID
    name: str
    phone: str | None
    why: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class AtFacility:
    """What a closing of all facilities means for one of them."""

    facility: Facility
    visits: int
    unreached: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a closing would do.

    Attributes:
        slots: times that close.
        visits: people booked inside and not here yet.
        here: people who have been checked in already.
        holds: places that somebody keeps this moment while she types, or was offered.
        moved: how many of the visits find another place.
        days: where to: the day and how many, in order.
        unreached: those of the visits whom no SMS reaches, in the order of time.
        facilities: where all facilities are closed, each with somebody inside.
    """

    starts_at: datetime
    ends_at: datetime
    slots: int
    visits: int
    here: int
    holds: int
    moved: int
    days: Sequence[tuple[datetime, int]]
    unreached: Sequence[Unreached]
    facilities: Sequence[AtFacility]


async def preview(session: AsyncSession, area: Area, answer: ClosingAnswer, *, now: datetime) -> Preview:
    """What closing an area would do; nothing is written and nothing locked.

    Args:
        session: the caller's transaction.
        area: of `service.area_of`.
        answer: what is to become of the visits.
        now: the moment of the request.
    """
    slots = await covering.slots(session, area)
    query = (
        select(Appointment, Patient, Account, Facility)
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .outerjoin(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .where(col(Appointment.slot_id).in_(slots), col(Appointment.state).in_(BLOCKS_DAY))
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    rows = (await session.execute(query)).all()
    states = Counter(row[0].state for row in rows)
    booked = [row for row in rows if row[0].state is AppointmentState.BOOKED]
    unreached: list[Unreached] = []
    at: dict[int | None, AtFacility] = {}
    for visit, patient, account, facility in booked:
        to = recipient_of(visit, patient, account)
        found = at.setdefault(facility.id, AtFacility(facility, 0, 0))
        at[facility.id] = AtFacility(facility, found.visits + 1, found.unreached + int(to.suppressed is not None))
        if to.suppressed is not None:
            phone, _ = to_telephone(patient, account)
            unreached.append(Unreached(patient.public_id, patient.name, phone, to.suppressed.value, visit.starts_at))
    visits = [row[0] for row in booked]
    targets = await _targets(session, visits, set(slots), now=now) if answer is ClosingAnswer.MOVE else []
    days = Counter(clock.day_bounds(clock.local_day(target.starts_at))[0] for target in targets)
    return Preview(
        area.starts_at, area.ends_at, len(slots), len(booked), states[AppointmentState.ARRIVED],
        states[AppointmentState.HELD], len(targets), sorted(days.items()), unreached,
        sorted(at.values(), key=lambda one: one.facility.sort_key),
    )  # fmt: skip


async def _targets(
    session: AsyncSession, visits: Sequence[Appointment], closed: set[int], *, now: datetime
) -> list[Time]:
    """Where each would go, one after the other, as the job does it; what else somebody has ahead is left out here."""
    # Day by day: a long closing looks for free times after each of its days, as the job does after each visit.
    groups: dict[tuple[int, date], list[Appointment]] = {}
    for visit in visits:
        groups.setdefault((visit.service_id, clock.local_day(visit.starts_at)), []).append(visit)
    left: dict[int, int] = {}
    found = []
    for (service_id, _), theirs in groups.items():
        first = theirs[0].starts_at
        free = await covering.free_times(session, service_id, after=first, now=now, without=closed)
        left = await covering.places_left(session, service_id, after=first, now=now) | left
        for visit in theirs:
            possible = [time for time in free if left.get(time.slot_id, 0) > 0]
            for time in rules.offered(visit.starts_at, possible, told_at=now + UNDO_FOR, zone=clock.ZONE):
                left[time.slot_id] -= 1
                found.append(time)
    return found


@dataclass(frozen=True, slots=True)
class SessionAhead:
    """A session that can be closed, and how many are booked in it."""

    id: int
    name: str
    name_en: str
    practitioner: str | None
    starts_at: datetime
    ends_at: datetime
    booked: int


async def sessions_ahead(
    session: AsyncSession, facility_id: int, *, until: datetime, now: datetime
) -> list[SessionAhead]:
    """Sessions of a facility that are not over, in the order of time."""
    booked = (
        select(func.count())
        .select_from(Appointment)
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .where(
            col(Slot.session_id) == col(Session.id),
            col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.ARRIVED)),
        )
        .correlate(Session)
        .scalar_subquery()
    )
    query = (
        select(Session, col(Service.name), col(Service.name_en), col(Practitioner.name), booked)
        .join(Service, col(Service.id) == col(Session.service_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Session.practitioner_id))
        .where(col(Session.facility_id) == facility_id, col(Session.ends_at) > now, col(Session.starts_at) < until)
        .order_by(col(Session.starts_at), col(Service.sort_key), col(Session.id))
    )
    return [
        SessionAhead(row.id or 0, name, name_en, who, row.starts_at, row.ends_at, number)
        for row, name, name_en, who, number in (await session.execute(query)).all()
    ]


async def practitioners(session: AsyncSession, facility_id: int) -> list[tuple[str, str]]:
    """Code and name of those who examine at a facility."""
    query = (
        select(col(Practitioner.code), col(Practitioner.name))
        .where(col(Practitioner.facility_id) == facility_id, col(Practitioner.active))
        .order_by(col(Practitioner.name))
    )
    return [(code, name) for code, name in (await session.execute(query)).all()]
