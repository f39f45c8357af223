"""Moving and cancelling: several steps under locks taken in one order, slots by id first, then the appointment.

Booking locks a slot and then touches appointments; whoever did it the other way round could wait in a circle.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments import handing, places, refusals
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.appointments.errors import (
    AlreadyBooked,
    AppointmentUnknown,
    JustGivenUp,
    SlotClosed,
    SlotFull,
    SlotUnknown,
)
from booking.appointments.kinds import AppointmentState, CancelledBy, ChangeReason
from booking.appointments.models import Appointment
from booking.appointments.rules import check_changeable
from booking.appointments.telling import BY_FACILITY, account_of, facts_of, recipient_of
from booking.appointments.waitlist import ending, offers
from booking.appointments.waitlist.kinds import OfferState
from booking.availability.models import Slot
from booking.columns import constraint_of
from booking.directory.models import Facility, Service
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import Notice
from booking.patients.models import Patient
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from booking.trail.models import RateCounter
from booking.trail.service import Limit, record


@dataclass(slots=True)
class Change:
    """An appointment locked together with the slots it touches, and all that is known about it."""

    appointment: Appointment
    service: Service
    facility: Facility
    slots: dict[int, Slot]


async def cancel(
    session: AsyncSession,
    code: str,
    token: str,
    command: CancelAppointment,
    *,
    by: Actor,
    now: datetime,
    until_start: bool = False,
) -> None:
    """See `service.cancel`; with `until_start` also after the limit, as `attending.decline` does."""
    change = await locked(session, code, by_token(token))
    visit = change.appointment
    if visit.state in (AppointmentState.CANCELLED, AppointmentState.LAPSED):
        return
    if visit.state is AppointmentState.HELD:
        await _let_go(session, change, by=by, now=now)
        return
    await _check(session, change, now=now, until_start=until_start)
    action = "appointment.decline" if until_start else _CANCELLED
    await give_up(session, change, CancelledBy.PATIENT, command.reason, by=by, now=now, action=action)


async def give_up(
    session: AsyncSession,
    change: Change,
    whose: CancelledBy,
    reason: str | None,
    *,
    by: Actor,
    now: datetime,
    action: str = "appointment.cancel",
    noted: ChangeReason | None = None,
) -> None:
    """Cancel a booked visit that is locked: its place is given back, and whoever hears of it is told.

    `noted` is a reason of the closed list, for the audit; what a patient wrote stays with her visit.
    """
    visit = change.appointment
    visit.cancelled_at, visit.cancelled_by, visit.cancel_reason = now, whose, reason
    visit.version += 1
    await _end(session, change, AppointmentState.CANCELLED, by=by, now=now, action=action, noted=noted)
    await _tell(session, change, await _patient_of(session, visit), MessageKind.CANCELLED, now=now)


async def let_go(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> bool:
    """See `service.let_go`."""
    change = await locked(session, code, by_token(token))
    if change.appointment.state is not AppointmentState.HELD:
        return False
    await _let_go(session, change, by=by, now=now)
    return True


async def _let_go(session: AsyncSession, change: Change, *, by: Actor, now: datetime) -> None:
    """End a hold; one that the waiting list made is refused by it."""
    visit = change.appointment
    if visit.offered:
        slot = change.slots[visit.slot_id]
        await ending.end(
            session, slot, change.service, change.facility, visit, OfferState.REFUSED, by=holder(by), now=now
        )
        return
    await _end(session, change, AppointmentState.LAPSED, by=by, now=now)


_CANCELLED = "appointment.cancel"


async def _end(
    session: AsyncSession,
    change: Change,
    state: AppointmentState,
    *,
    by: Actor,
    now: datetime,
    action: str = _CANCELLED,
    noted: ChangeReason | None = None,
) -> None:
    """Give the place back."""
    visit = change.appointment
    visit.state = state
    await _give_back(session, change, visit.slot_id, visit.place, reserved=visit.uses_reserved, now=now)
    why = {} if noted is None else {"reason": noted.value}
    record(
        session, action, "appointment", visit.public_id, by=holder(by), now=now, result="done", slot=visit.slot_id,
        **why,
    )  # fmt: skip


async def _give_back(
    session: AsyncSession, change: Change, slot_id: int, place: int, *, reserved: bool, now: datetime
) -> None:
    slot = change.slots[slot_id]
    await offers.give_back(session, slot, change.service, change.facility, place, reserved=reserved, now=now)


def holder(by: Actor) -> Actor:
    """Who acts, for the audit, once a token has opened the appointment."""
    return replace(by, kind=ActorKind.LINK) if by.kind is ActorKind.ANYONE else by


async def reschedule(
    session: AsyncSession,
    code: str,
    token: str,
    command: RescheduleAppointment,
    *,
    by: Actor,
    now: datetime,
    per_phone: int,
    since: datetime | None = None,
) -> None:
    """See `service.reschedule`."""
    change = await locked(session, code, by_token(token), also=command.slot)
    visit = change.appointment
    if visit.slot_id == command.slot and visit.state is AppointmentState.BOOKED:
        return
    await _check(session, change, now=now)
    wanted = change.slots.get(command.slot)
    if wanted is None:
        raise SlotUnknown(slot=command.slot)
    patient = await _patient_of(session, visit)
    try:
        if since is not None and await _only_given_up(session, visit, patient, wanted, since=since, now=now):
            raise JustGivenUp
        place = await places.take(session, wanted, change.service, change.facility, now=now)
    except (SlotFull, SlotClosed, JustGivenUp) as refused:
        near = await refusals.nearest_within(session, command.slot, now=now)
        refused.facts["nearest"] = [one for one in near if one["id"] != command.slot]
        raise
    old_slot = await put(session, change, wanted, place, now=now)
    if since is not None:
        await handing.remember_left(session, visit, old_slot, since=since, now=now)
    await _count_move(session, visit, patient, phone_limit(per_phone), now=now)
    await told_moved(session, change, old_slot, by=holder(by), now=now)


async def put(session: AsyncSession, change: Change, wanted: Slot, place: int, *, now: datetime) -> int:
    """Set a locked visit into its new place, and give the old one back; the slot it leaves.

    Raises:
        AlreadyBooked: the patient has another visit for this service on the new day.
    """
    visit = change.appointment
    old_slot, old_place, reserved = visit.slot_id, visit.place, visit.uses_reserved
    assert wanted.id is not None
    visit.slot_id, visit.place, visit.uses_reserved = wanted.id, place, False
    visit.starts_at, visit.ends_at = wanted.starts_at, wanted.ends_at
    visit.confirmed_at = None  # she said she would come at another time
    visit.version += 1
    await flushed(session)
    await _give_back(session, change, old_slot, old_place, reserved=reserved, now=now)
    return old_slot


async def told_moved(
    session: AsyncSession, change: Change, old_slot: int, *, by: Actor, now: datetime, reason: str | None = None
) -> None:
    """Whoever hears of a visit hears of its new time; and the audit."""
    visit = change.appointment
    # Who did not ask for it has to hear of it: `calling` looks for this mark where the text does not go.
    news = {BY_FACILITY: True} if reason == ChangeReason.PRACTITIONER_AWAY else {}
    await _tell(session, change, await _patient_of(session, visit), MessageKind.MOVED, now=now, **news)
    why = {"reason": reason} if reason else {}
    record(
        session, "appointment.move", "appointment", visit.public_id, by=by, now=now, result="done",
        from_slot=old_slot, to_slot=visit.slot_id, **why,
    )  # fmt: skip


async def _only_given_up(
    session: AsyncSession, visit: Appointment, patient: Patient, wanted: Slot, *, since: datetime, now: datetime
) -> bool:
    """Whether the slot's free places are those that the same hands gave up a moment ago."""
    left = await handing.left(
        session, wanted, account_id=visit.account_id, device=visit.device, phone_index=patient.phone_index,
        since=since, now=now, moving=visit,
    )  # fmt: skip
    return left == 0 < handing.free(wanted, now)


def phone_limit(per_phone: int) -> Limit:
    """How many bookings and moves a number may make in a day; each of them sends it an SMS."""
    return Limit("phone", per_phone, 86_400)


async def _count_move(
    session: AsyncSession, visit: Appointment, patient: Patient, limit: Limit, *, now: datetime
) -> None:
    """One more for the number that hears of it, today, unless its day is used up; undone with the move in that case.

    As with a booking, that is the number of the account that booked, and else the patient's (`telling.recipient_of`).
    Counted last: whoever waits for the counter's row holds no lock that its holder still wants. Where there is no
    number none is counted: nothing is sent.
    """
    account = await account_of(session, visit)
    proven = account is not None and account.ended_at is None
    index = account.phone_index if account is not None and proven else patient.phone_index
    if index is None:
        return
    made = upsert(RateCounter).values(limit_name=limit.name, subject=index, window_start=limit.window(now), tries=1)
    counted = made.on_conflict_do_update(
        index_elements=["limit_name", "subject", "window_start"],
        set_={"tries": col(RateCounter.tries) + 1},
        where=col(RateCounter.tries) < limit.most,
    )
    if await session.scalar(counted.returning(col(RateCounter.tries))) is None:
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(now))


async def flushed(session: AsyncSession) -> None:
    """Write the change; the one rule that only the database can judge is a second visit on the new day."""
    try:
        await session.flush()
    except IntegrityError as problem:
        if constraint_of(problem) == "appointment_day_key":
            raise AlreadyBooked from None
        raise


Opens = Callable[[Appointment], bool]
"""Whether whoever asks may change this appointment: because of its token, or because it is her facility's."""


def by_token(token: str) -> Opens:
    """Whoever has the link."""
    return lambda visit: keys().token_fits(token, str(visit.public_id), visit.token_version)


async def locked(session: AsyncSession, code: str, opens: Opens, *, also: int | None = None) -> Change:
    """The appointment of a code, with its slots, all locked. A move that overtook us is seen and waited for.

    Raises:
        AppointmentUnknown: no such code, or not for the one who asks.
    """
    while True:
        look = select(Appointment).where(col(Appointment.code) == code).execution_options(populate_existing=True)
        seen = (await session.execute(look)).scalar_one_or_none()
        if seen is None or not opens(seen):
            raise AppointmentUnknown
        wanted = {seen.slot_id} | ({also} if also is not None else set())
        slots = await session.execute(
            select(Slot).where(col(Slot.id).in_(wanted)).order_by(col(Slot.id)).with_for_update()
        )
        found = {slot.id: slot for slot in slots.scalars() if slot.id is not None}
        query = (
            select(Appointment, Service, Facility)
            .join(Service, col(Service.id) == col(Appointment.service_id))
            .join(Facility, col(Facility.id) == col(Appointment.facility_id))
            .where(col(Appointment.code) == code)
            .with_for_update(of=Appointment)
            .execution_options(populate_existing=True)
        )
        visit, service, facility = (await session.execute(query)).one()
        if visit.slot_id in found:
            return Change(visit, service, facility, found)
        # Moved elsewhere between our look and our lock: the locks we hold are not the right ones. Let them go, or the
        # order of locks would be broken by those still to come, and look again. Nothing was written yet.
        await session.rollback()


async def _check(session: AsyncSession, change: Change, *, now: datetime, until_start: bool = False) -> None:
    visit = change.appointment
    phone = change.facility.phone
    if phone is None and change.facility.parent_id is not None:
        parent = await session.get(Facility, change.facility.parent_id)
        phone = parent.phone if parent else None
    minutes = 0 if until_start else change.service.cancel_minutes
    check_changeable(visit.state, visit.starts_at, minutes, phone=phone, now=now)


async def _patient_of(session: AsyncSession, visit: Appointment) -> Patient:
    patient = await session.get(Patient, visit.patient_id)
    if patient is None:
        raise AppointmentUnknown
    return patient


async def _tell(
    session: AsyncSession, change: Change, patient: Patient, kind: MessageKind, *, now: datetime, **more: bool
) -> None:
    """Call back what was not sent of the earlier version, and write what is true now."""
    visit = change.appointment
    await messages.supersede(session, visit.public_id, now=now)
    facts = facts_of(visit, change.facility.sms_name) | more
    notice = Notice(
        visit.public_id, kind, visit.version, visit.facility_id, facts, due_at=now, useful_until=visit.starts_at
    )
    to = recipient_of(visit, patient, await account_of(session, visit))
    await messages.write(session, [notice], to, now=now)
