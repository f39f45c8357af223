"""Whom a desk finds: who has or had a visit at a facility of its scope, and who tells her number or shows her card.

No facility sees another's patients without their wish. So a name, four digits or a code find only those who were booked
or in line at a facility of the scope. A whole telephone number, a citizen ID or an insurance number is told or shown by
the person herself: then she is found wherever she was before, and of her only who she is, never where she was.

Every person found is written into the audit; she sees it among her data.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.clock import local_day
from booking.directory.models import Facility, Service
from booking.patients.errors import PatientUnknown
from booking.patients.kinds import Sex
from booking.patients.models import Patient
from booking.patients.persons import index_of, last4_index, phone_index
from booking.patients.rules import Birth
from booking.patients.searching import Query
from booking.patients.service import read_by_staff
from booking.queue.missing import missed_before
from booking.queue.models import QueueTicket

MOST: Final = 12
"""People shown; who finds more types more."""

_NO_VISIT: Final = (AppointmentState.HELD, AppointmentState.LAPSED)
_COMING: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


@dataclass(frozen=True, slots=True)
class ComingVisit:
    """A visit still to come at a facility of the scope."""

    code: str
    starts_at: datetime
    state: AppointmentState
    facility: str
    service_name: str
    service_name_en: str

    @property
    def name(self) -> str:
        """Of the service."""
        return self.service_name

    @property
    def name_en(self) -> str:
        """Of the service, in English."""
        return self.service_name_en


@dataclass(frozen=True, slots=True)
class Found:
    """A person, as a desk may see her.

    Attributes:
        patient_id: the row.
        id: shown outside.
        here: she has or had a visit at a facility of the scope.
        service: the code of the service she came for last at this facility; None where she never did.
        coming: her visits to come within the scope.
        missed: how many visits of a year she did not come to at this facility.
    """

    patient_id: int
    id: UUID
    name: str
    birth: Birth
    sex: Sex | None
    ward: str | None
    phone: str | None
    last_digits: str | None
    no_sms: bool
    here: bool
    service: str | None = None
    coming: tuple[ComingVisit, ...] = ()
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks, where, for what: for the scope and for the audit. `training`: among invented people only."""

    facility: str
    facility_id: int
    scope: Collection[int]
    by: Actor
    now: datetime
    reason: str = "search"
    training: bool = False


async def find(session: AsyncSession, query: Query, looking: Looking) -> list[Found]:
    """The people a query means, at most MOST + 1, in the order of their given names; each is written into the audit."""
    if query.told:
        which = [_told(query, training=looking.training)]
    elif query.code is not None and not query.words:
        which = [_by_code(query.code), within(looking.scope)]
    elif query.anything:
        which = [or_(*_named(query, training=looking.training)), within(looking.scope)]
    else:
        return []
    rows = (
        select(Patient)
        .where(*which, col(Patient.erased_at).is_(None), col(Patient.training) == looking.training)
        .order_by(col(Patient.name_sort), col(Patient.birth_year), col(Patient.id))
        .limit(MOST + 1)
    )
    patients = [await _kept(session, row) for row in (await session.execute(rows)).scalars().all()]
    once = {patient.id: patient for patient in patients if patient.id is not None}
    return await seen(session, list(once.values()), looking)


async def one(session: AsyncSession, patient: UUID, looking: Looking, *, shown: bool = False) -> tuple[Patient, Found]:
    """One person through the scope, for whatever is done for her; written into the audit.

    Args:
        session: of the caller's transaction.
        patient: the public id.
        looking: who looks.
        shown: this very desk was shown her a moment ago, because she told her number.

    Raises:
        PatientUnknown: there is none, or none for this desk.
    """
    query = select(Patient).where(
        col(Patient.public_id) == patient,
        col(Patient.erased_at).is_(None),
        col(Patient.training) == looking.training,  # also where this desk was shown her on the other side
    )
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise PatientUnknown
    row = await _kept(session, row)  # what hung on a merged record is the kept one's, and so is the scope
    mine = select(literal(1)).select_from(Patient).where(col(Patient.id) == row.id, within(looking.scope))
    if not shown and await session.scalar(mine) is None:
        raise PatientUnknown
    return row, (await seen(session, [row], looking))[0]


async def _kept(session: AsyncSession, patient: Patient) -> Patient:
    """Whom a row means after a merge."""
    while patient.merged_into_id is not None:
        patient = (await session.execute(select(Patient).where(col(Patient.id) == patient.merged_into_id))).scalar_one()
    return patient


def within(scope: Collection[int], patient: Any = Patient) -> ColumnElement[bool]:
    """She has, or had, a visit at one of these facilities, or stood in line there."""
    visit = select(literal(1)).where(
        col(Appointment.patient_id) == col(patient.id),
        col(Appointment.facility_id).in_(scope),
        col(Appointment.state).not_in(_NO_VISIT),
    )
    in_line = select(literal(1)).where(
        col(QueueTicket.patient_id) == col(patient.id), col(QueueTicket.facility_id).in_(scope)
    )
    return or_(visit.correlate(patient).exists(), in_line.correlate(patient).exists())


def _told(query: Query, *, training: bool) -> ColumnElement[bool]:
    columns: Mapping[str, Any] = {"citizen_id": Patient.citizen_id_index, "bhyt": Patient.bhyt_index}
    found: list[ColumnElement[bool]] = []
    for mark in query.marks:
        # A citizen ID may stand in place of an insurance number, and has the same index there.
        wanted = [columns["citizen_id"], columns["bhyt"]] if mark.purpose == "citizen_id" else [columns["bhyt"]]
        found += [col(column) == index_of(mark, training=training) for column in wanted]
    if query.phone is not None:
        found.append(col(Patient.phone_index) == phone_index(query.phone.e164, training=training))
    return or_(*found)


def _by_code(code: str) -> ColumnElement[bool]:
    return col(Patient.id).in_(select(col(Appointment.patient_id)).where(col(Appointment.code) == code))


def _named(query: Query, *, training: bool) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.words:
        name = func.concat(" ", col(Patient.name_folded))
        found.append(and_(*(name.contains(f" {word}", autoescape=True) for word in query.words)))
    if query.last4 is not None:
        found.append(col(Patient.phone_last4_index) == last4_index(query.last4, training=training))
    if query.code is not None:
        found.append(_by_code(query.code))
    return found


async def seen(session: AsyncSession, patients: Sequence[Patient], looking: Looking) -> list[Found]:
    """People as the desk may see them; each is written into the audit."""
    ids = [patient.id for patient in patients if patient.id is not None]
    mine = select(col(Patient.id)).where(col(Patient.id).in_(ids), within(looking.scope))
    here = set((await session.execute(mine)).scalars())
    coming, services = await _coming(session, ids, looking), await _services(session, ids, looking.facility_id)
    missed = await missed_before(session, looking.facility_id, ids, local_day(looking.now))
    found = []
    for patient in patients:
        assert patient.id is not None
        read_by_staff(
            session, patient.public_id, by=looking.by, now=looking.now, facility=looking.facility, reason=looking.reason
        )
        found.append(
            Found(
                patient.id, patient.public_id, patient.name, Birth(patient.birth_year, patient.birth_date), patient.sex,
                patient.ward if patient.id in here else None, patient.phone, (patient.phone or "")[-4:] or None,
                patient.no_sms, patient.id in here, services.get(patient.id), tuple(coming.get(patient.id, ())),
                missed.get(patient.id, 0),
            )
        )  # fmt: skip
    return found


async def _coming(session: AsyncSession, ids: Sequence[int], looking: Looking) -> dict[int, list[ComingVisit]]:
    query = (
        select(Appointment, Facility, Service)
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(
            col(Appointment.patient_id).in_(ids),
            col(Appointment.facility_id).in_(looking.scope),
            col(Appointment.state).in_(_COMING),
            col(Appointment.ends_at) > looking.now,
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    found: dict[int, list[ComingVisit]] = {}
    for visit, facility, service in (await session.execute(query)).all():
        coming = ComingVisit(visit.code, visit.starts_at, visit.state, facility.code, service.name, service.name_en)
        found.setdefault(visit.patient_id or 0, []).append(coming)
    return found


async def _services(session: AsyncSession, ids: Sequence[int], facility_id: int) -> dict[int, str]:
    """The service each came for last at a facility."""
    query = (
        select(col(Appointment.patient_id), col(Service.code))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(
            col(Appointment.patient_id).in_(ids),
            col(Appointment.facility_id) == facility_id,
            col(Appointment.state).not_in(_NO_VISIT),
        )
        .order_by(col(Appointment.starts_at))
    )
    return {patient: code for patient, code in (await session.execute(query)).all() if patient is not None}
