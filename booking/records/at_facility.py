"""A visit as its facility sees it: who, when, what was sent about it, what was done with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.access.models import Staff
from booking.actor import ActorKind
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import AppointmentState, Channel
from booking.appointments.models import Appointment, SeriesDate, VisitSeries
from booking.availability.models import Slot
from booking.clock import local_day
from booking.directory.models import Facility, Practitioner, Room, Service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT
from booking.patients.models import Patient
from booking.patients.rules import Birth
from booking.patients.service import read_by_staff
from booking.records.finding import Looking
from booking.trail.models import AuditEvent

_NO_VISIT = (AppointmentState.HELD, AppointmentState.LAPSED)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message about a visit; `reason` says why one was not sent."""

    kind: MessageKind
    state: MessageState
    reason: str | None
    at: datetime
    last_digits: str | None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done with a visit; `who` is a name of the staff, and else the sort of actor tells."""

    at: datetime
    action: str
    kind: ActorKind
    who: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class InSeries:
    """The series a visit belongs to, and which of its dates it is."""

    series: UUID
    template: str
    number: int


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit with everything a desk may know of it."""

    code: str
    public_id: UUID
    token_version: int
    state: AppointmentState
    version: int
    starts_at: datetime
    ends_at: datetime
    slot_id: int
    service_id: int
    channel: Channel
    booked_at: datetime | None
    confirmed_at: datetime | None
    cancel_reason: str | None
    facility: Facility
    service: Service
    practitioner: str | None
    room: str | None
    patient: UUID
    name: str
    birth: Birth
    phone: str | None
    citizen_id: str | None
    bhyt_number: str | None
    no_sms: bool
    wrong_number: bool
    series: InSeries | None
    messages: tuple[Sent, ...]
    history: tuple[Deed, ...]
    now: datetime

    @property
    def changeable(self) -> bool:
        """Whether staff may still move or cancel it."""
        return self.state is AppointmentState.BOOKED and self.now < self.ends_at

    @property
    def day(self) -> date:
        """The local day."""
        return local_day(self.starts_at)


async def place_of(session: AsyncSession, code: str, scope: Collection[int]) -> str | None:
    """The code of the facility of a visit, if it lies in the scope."""
    query = (
        select(col(Facility.code))
        .join(Appointment, col(Appointment.facility_id) == col(Facility.id))
        .where(
            col(Appointment.code) == code, col(Facility.id).in_(scope), col(Appointment.state).not_in(_NO_VISIT)
        )
    )  # fmt: skip
    return await session.scalar(query)


async def visit(session: AsyncSession, code: str, looking: Looking) -> VisitView:
    """The visit of a code at the facility of the desk; written into the audit.

    Raises:
        AppointmentUnknown: no such code, or it is another facility's.
    """
    query = (
        select(Appointment, Patient, Facility, Service, col(Practitioner.name), col(Room.name))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(
            col(Appointment.code) == code,
            col(Appointment.facility_id) == looking.facility_id,
            col(Appointment.state).not_in(_NO_VISIT),
        )
    )
    row = (await session.execute(query)).first()
    if row is None:
        raise AppointmentUnknown
    found, patient, facility, service, practitioner, room = row
    read_by_staff(
        session, patient.public_id, by=looking.by, now=looking.now, facility=looking.facility, reason=looking.reason
    )
    return VisitView(
        found.code, found.public_id, found.token_version, found.state, found.version, found.starts_at, found.ends_at,
        found.slot_id, found.service_id, found.channel, found.booked_at, found.confirmed_at, found.cancel_reason,
        facility, service, practitioner, room, patient.public_id, patient.name,
        Birth(patient.birth_year, patient.birth_date), patient.phone, patient.citizen_id, patient.bhyt_number,
        patient.no_sms, patient.wrong_number_at is not None, await _series(session, found),
        await _messages(session, found), await _history(session, found), looking.now,
    )  # fmt: skip


async def _series(session: AsyncSession, found: Appointment) -> InSeries | None:
    query = (
        select(col(VisitSeries.public_id), col(VisitSeries.template), col(SeriesDate.number))
        .join(SeriesDate, col(SeriesDate.series_id) == col(VisitSeries.id))
        .where(col(SeriesDate.appointment_id) == found.id)
    )
    row = (await session.execute(query)).first()
    return InSeries(*row) if row is not None else None


async def _messages(session: AsyncSession, found: Appointment) -> tuple[Sent, ...]:
    query = (
        select(Message)
        .where(col(Message.subject_kind) == APPOINTMENT, col(Message.subject_id) == found.public_id)
        .order_by(col(Message.due_at), col(Message.id))
    )
    rows = (await session.execute(query)).scalars()
    return tuple(
        Sent(row.kind, row.state, row.reason, row.posted_at or row.due_at, (row.phone or "")[-4:] or None)
        for row in rows
    )


async def _history(session: AsyncSession, found: Appointment) -> tuple[Deed, ...]:
    query = (
        select(AuditEvent)
        .where(col(AuditEvent.object_kind) == "appointment", col(AuditEvent.object_id) == str(found.public_id))
        .order_by(col(AuditEvent.id))
    )
    events = (await session.execute(query)).scalars().all()
    names = await staff_names(session, [one.actor_id for one in events if one.actor_kind is ActorKind.STAFF])
    return tuple(
        Deed(one.at, one.action, one.actor_kind, names.get(one.actor_id or ""), one.facts.get("reason"))
        for one in events
    )


async def staff_names(session: AsyncSession, actors: Sequence[str | None]) -> dict[str, str]:
    """Public id → name, of members of staff."""
    wanted = {UUID(one) for one in actors if one}
    if not wanted:
        return {}
    rows = await session.execute(select(col(Staff.public_id), col(Staff.name)).where(col(Staff.public_id).in_(wanted)))
    return {str(public_id): name for public_id, name in rows}
