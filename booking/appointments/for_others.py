"""Booking, moving and cancelling for a patient who stands at the desk or telephones. Beside `service`.

Staff are bound by the same places as everybody; limits that keep touts away are not for them, and neither are the hours
before a visit after which a patient changes nothing by herself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids
from booking.actor import Actor
from booking.appointments import changing, confirming, places, refusals
from booking.appointments.changing import Opens
from booking.appointments.commands import CancelForOther, MoveForOther
from booking.appointments.errors import AlreadyBooked, SlotClosed, SlotFull, SlotUnknown
from booking.appointments.kinds import (
    BLOCKS_DAY,
    AppointmentState,
    CancelledBy,
    ChangeReason,
    Channel,
)
from booking.appointments.models import Appointment
from booking.appointments.rules import check_changeable
from booking.appointments.service import Ticket
from booking.appointments.telling import facts_of, recipient_of
from booking.availability.models import Slot
from booking.columns import constraint_of
from booking.directory.kinds import BOOKABLE
from booking.directory.models import Facility, Practitioner, Room, Service
from booking.errors import Busy
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import Notice
from booking.patients.errors import PatientUnknown
from booking.patients.kinds import Relation
from booking.patients.models import Patient
from booking.trail.keys import IdempotencyKey
from booking.trail.service import record

SHOWN: Final = 6
"""Half-days a proposal shows, the earliest first."""

_NOON: Final = 12


@dataclass(frozen=True, slots=True)
class Free:
    """The earliest free time of a half-day."""

    slot: int
    starts_at: datetime
    ends_at: datetime
    day: date
    left: int
    practitioner: str | None
    room: str | None

    @property
    def value(self) -> str:
        """As a form names it."""
        return str(self.slot)


def of_facility(facility_id: int) -> Opens:
    """Whoever works there."""
    return lambda visit: visit.facility_id == facility_id and visit.patient_id is not None


async def earliest(
    session: AsyncSession,
    service_id: int,
    *,
    now: datetime,
    first: date | None = None,
    last: date | None = None,
    morning: bool | None = None,
    patients: Sequence[int] = (),
    most: int = SHOWN,
) -> list[Free]:
    """The earliest free time of each half-day, the first `most` of them.

    Args:
        session: of the caller's transaction.
        service_id: what for; the facility is its.
        now: the moment of the request.
        first: not before this day.
        last: not after this day.
        morning: only mornings, only afternoons, or both where it is None.
        patients: days on which one of them has a visit for this service are left out: it must fit whoever is meant.
        most: half-days.
    """
    hour = func.extract("hour", func.timezone("Asia/Ho_Chi_Minh", col(Slot.starts_at)))
    half = case((hour < _NOON, 0), else_=1)
    wanted: list[ColumnElement[bool]] = [col(Slot.service_id) == service_id, _free(now)]
    if first is not None:
        wanted.append(col(Slot.day) >= first)
    if last is not None:
        wanted.append(col(Slot.day) <= last)
    if morning is not None:
        wanted.append(half == (0 if morning else 1))
    if patients:
        wanted.append(~_has_visit(patients))
    query = (
        select(Slot, col(Practitioner.name), col(Room.name))
        .ext(distinct_on(col(Slot.day), half))
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(*wanted, col(Service.bookable), or_(col(Facility.state).in_(BOOKABLE), col(Facility.training)))
        .order_by(col(Slot.day), half, col(Slot.starts_at), col(Slot.id))
        .limit(most)
    )
    return [_seen(slot, name, room, now) for slot, name, room in (await session.execute(query)).all()]


def _kept(now: datetime) -> ColumnElement[int]:
    return case((col(Slot.release_at) > now, col(Slot.reserved) - col(Slot.reserved_used)), else_=0)


def _free(now: datetime) -> ColumnElement[bool]:
    return and_(
        col(Slot.open),
        col(Slot.bookable_from) <= now,
        col(Slot.starts_at) > now,
        func.cardinality(col(Slot.free_places)) > _kept(now),
    )


def _has_visit(patients: Sequence[int]) -> ColumnElement[bool]:
    return (
        select(literal(1))
        .where(
            col(Appointment.patient_id).in_(patients),
            col(Appointment.service_id) == col(Slot.service_id),
            col(Appointment.day) == col(Slot.day),
            col(Appointment.state).in_(BLOCKS_DAY),
        )
        .correlate(Slot)
        .exists()
    )


def _seen(slot: Slot, practitioner: str | None, room: str | None, now: datetime) -> Free:
    kept = slot.reserved - slot.reserved_used if now < slot.release_at else 0
    assert slot.id is not None
    assert slot.day is not None
    return Free(
        slot.id, slot.starts_at, slot.ends_at, slot.day, len(slot.free_places) - kept, practitioner, room,
    )  # fmt: skip


async def book(
    session: AsyncSession,
    patient: Patient,
    slot_id: int,
    *,
    facility_id: int,
    language: str,
    key: IdempotencyKey,
    by: Actor,
    now: datetime,
) -> Ticket:
    """Take a place for a patient of whom the caller knows that this desk may book for her.

    Args:
        session: of the caller's transaction; everything happens in it.
        patient: for whom.
        slot_id: the time.
        facility_id: where; a slot of another facility is unknown.
        language: of the texts.
        key: one key and one body give the same ticket; a repeat writes.
        by: the member of staff.
        now: the moment of the request.

    Raises:
        SlotFull, SlotClosed, SlotPast, SlotNotReleased, FacilityNotOpen: no place; with the nearest where that helps.
        SlotUnknown: no such time here.
        AlreadyBooked: she has a visit for this service that day.
        KeyReused: the key was used for something else.
    """
    if (tickets := await confirming.replayed(session, key)) is not None:
        return tickets[0]
    (slot,) = await locked_slots(session, [slot_id], facility_id)
    visit = await seat(session, patient, slot, language=language, by=by, now=now)
    confirming.remember(session, key, [visit], now=now)
    return confirming.ticket(visit)


async def locked_slots(session: AsyncSession, wanted: Sequence[int], facility_id: int) -> list[Slot]:
    """Slots of a facility, locked in the order of their ids; SlotUnknown where one is another facility's."""
    query = (
        select(Slot)
        .where(col(Slot.id).in_(wanted), col(Slot.facility_id) == facility_id)
        .order_by(col(Slot.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = list((await session.execute(query)).scalars())
    if len(found) < len(set(wanted)):
        raise SlotUnknown
    return found


async def seat(
    session: AsyncSession, patient: Patient, slot: Slot, *, language: str, by: Actor, now: datetime
) -> Appointment:
    """A visit in a slot we hold the lock of, written and told of.

    Raises:
        SlotFull and its kin, AlreadyBooked: as `book`.
        PatientUnknown: one of them is for practice, and the other is not.
    """
    service, facility = await session.get(Service, slot.service_id), await session.get(Facility, slot.facility_id)
    assert service is not None
    assert facility is not None
    assert slot.id is not None
    if patient.training != facility.training:  # somebody invented has no real visit, and nobody real a practice one
        raise PatientUnknown
    await session.get(Patient, patient.id, with_for_update={"key_share": True}, populate_existing=True)
    place = await _place(session, slot, service, facility, now=now)
    visit = Appointment(
        public_id=ids.public_id(), code=ids.booking_code(), state=AppointmentState.BOOKED, slot_id=slot.id, place=place,
        facility_id=slot.facility_id, service_id=slot.service_id, starts_at=slot.starts_at, ends_at=slot.ends_at,
        patient_id=patient.merged_into_id or patient.id, relation=Relation.SELF, language=language,
        channel=Channel.DESK, created_at=now, booked_at=now,
    )  # fmt: skip
    session.add(visit)
    await _written(session)
    notice = Notice(
        visit.public_id, MessageKind.BOOKED, visit.version, visit.facility_id, facts_of(visit, facility.sms_name),
        due_at=now, useful_until=visit.starts_at,
    )  # fmt: skip
    await messages.write(session, [notice], recipient_of(visit, patient, None), now=now)
    record(
        session, "appointment.book", "appointment", visit.public_id, by=by, now=now, slot=slot.id, place=place,
        channel=Channel.DESK.value,
    )  # fmt: skip
    return visit


async def _place(session: AsyncSession, slot: Slot, service: Service, facility: Facility, *, now: datetime) -> int:
    try:
        return await places.take(session, slot, service, facility, now=now, desk=True, practice=True)
    except (SlotFull, SlotClosed) as refused:
        assert slot.id is not None
        refused.facts["nearest"] = await refusals.nearest_within(session, slot.id, now=now)
        raise


async def _written(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as problem:
        name = constraint_of(problem)
        if name == "appointment_day_key":
            raise AlreadyBooked from None
        if name == "appointment_code_key":  # one in millions: again, with another
            raise Busy(retry_after=1) from None
        raise


async def move(
    session: AsyncSession, code: str, command: MoveForOther, *, facility_id: int, by: Actor, now: datetime
) -> None:
    """Another time of the same service for a visit of this facility, also after the patient's own limit.

    Moving to the time it has changes nothing.

    Raises:
        AppointmentUnknown: no such visit here.
        NotChangeable, TooLateToChange: it is over, or not booked any more.
        SlotFull and its kin, AlreadyBooked: the old time is kept then.
    """
    change = await changing.locked(session, code, of_facility(facility_id), also=command.slot)
    visit = change.appointment
    if visit.slot_id == command.slot and visit.state is AppointmentState.BOOKED:
        return
    check_changeable(visit.state, visit.ends_at, 0, phone=None, now=now)
    wanted = change.slots.get(command.slot)
    if wanted is None or wanted.facility_id != facility_id:
        raise SlotUnknown(slot=command.slot)
    place = await _place(session, wanted, change.service, change.facility, now=now)
    old = await changing.put(session, change, wanted, place, now=now)
    await changing.told_moved(session, change, old, by=by, now=now, reason=command.reason.value)


async def cancel(
    session: AsyncSession, code: str, command: CancelForOther, *, facility_id: int, by: Actor, now: datetime
) -> None:
    """Give a visit of this facility up for its patient, also after her own limit; cancelling again changes nothing.

    Raises:
        AppointmentUnknown: no such visit here.
        NotChangeable, TooLateToChange: she is there already, or it is over.
    """
    change = await changing.locked(session, code, of_facility(facility_id))
    visit = change.appointment
    if visit.state is AppointmentState.CANCELLED:
        return
    check_changeable(visit.state, visit.ends_at, 0, phone=None, now=now)
    whose = CancelledBy.FACILITY if command.reason is ChangeReason.PRACTITIONER_AWAY else CancelledBy.PATIENT
    await changing.give_up(session, change, whose, command.reason.value, by=by, now=now, noted=command.reason)
