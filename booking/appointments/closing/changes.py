"""How one locked visit is moved, asked, cancelled or put back, and who is told. Nothing here takes a lock."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import places
from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.appointments.telling import BY_FACILITY, account_of, facts_of, recipient_of
from booking.appointments.waitlist import offers
from booking.availability.models import Slot
from booking.directory.models import Facility, Service
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, SuppressedReason
from booking.messages.service import Notice, Recipient
from booking.patients.models import Patient
from booking.trail.service import record


@dataclass(slots=True)
class Held:
    """An appointment locked together with the slots it touches."""

    visit: Appointment
    service: Service
    facility: Facility
    slots: dict[int, Slot]

    @property
    def slot(self) -> Slot:
        """Its present slot."""
        return self.slots[self.visit.slot_id]


async def locked(session: AsyncSession, appointment_id: int, slot_ids: Collection[int]) -> Held | None:
    """Lock slots by id, then the appointment; None where it was moved to another slot before we had the locks."""
    query = select(Slot).where(col(Slot.id).in_(set(slot_ids))).order_by(col(Slot.id)).with_for_update()
    slots = (await session.execute(query.execution_options(populate_existing=True))).scalars()
    found = {slot.id: slot for slot in slots if slot.id is not None}
    row = (
        select(Appointment, Service, Facility)
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(col(Appointment.id) == appointment_id)
        .with_for_update(of=Appointment)
        .execution_options(populate_existing=True)
    )
    visit, service, facility = (await session.execute(row)).one()
    return Held(visit, service, facility, found) if visit.slot_id in found else None


async def move(session: AsyncSession, held: Held, to: int, *, by: Actor, now: datetime, why: str) -> None:
    """Take the new place, then give the old one back.

    Raises:
        SlotFull, SlotClosed, SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen: there is no place.
        IntegrityError: she has another visit of the service that day. Both leave a session to be rolled back.
    """
    visit, wanted = held.visit, held.slots[to]
    place = await places.take(session, wanted, held.service, held.facility, now=now, practice=True)
    old, old_place, reserved = held.slot, visit.place, visit.uses_reserved
    put(visit, wanted, place, reserved=False)
    await session.flush()
    await offers.give_back(session, old, held.service, held.facility, old_place, reserved=reserved, now=now)
    record(
        session, "appointment.move", "appointment", visit.public_id, by=by, now=now, from_slot=old.id, to_slot=to,
        closing=why,
    )  # fmt: skip


def put(visit: Appointment, slot: Slot, place: int, *, reserved: bool) -> None:
    """Make a taken place the visit's."""
    assert slot.id is not None
    visit.slot_id, visit.place, visit.uses_reserved = slot.id, place, reserved
    visit.starts_at, visit.ends_at = slot.starts_at, slot.ends_at
    visit.confirmed_at = None  # she said she would come at another time
    visit.version += 1


async def cancel(
    session: AsyncSession, held: Held, *, whose: CancelledBy, reason: str, by: Actor, now: datetime, why: str
) -> None:
    """Give the visit up."""
    visit = held.visit
    visit.state = AppointmentState.CANCELLED
    visit.cancelled_at, visit.cancelled_by, visit.cancel_reason = now, whose, reason
    visit.version += 1
    await offers.give_back(
        session, held.slot, held.service, held.facility, visit.place, reserved=visit.uses_reserved, now=now
    )
    record(
        session, "appointment.cancel", "appointment", visit.public_id, by=by, now=now, slot=visit.slot_id, closing=why
    )


async def take_back(session: AsyncSession, slot: Slot, place: int, *, reserved: bool) -> tuple[int, bool] | None:
    """Take the old place of a closed slot again, or another of it; the place and whether it is one for walk-ins.

    Nobody can have taken it, because the slot is closed; only lowering the capacity takes it away.
    """
    await session.refresh(slot)
    if not slot.free_places:
        return None
    taken = place if place in slot.free_places else slot.free_places[0]
    as_reserved = reserved and slot.reserved_used < slot.reserved
    slot.free_places = [one for one in slot.free_places if one != taken]
    slot.taken += 1
    slot.reserved_used += int(as_reserved)
    await session.flush()
    return taken, as_reserved


async def reader_of(session: AsyncSession, visit: Appointment) -> Recipient:
    """Who reads texts about a visit, or why nobody does."""
    patient = await session.get(Patient, visit.patient_id)
    assert patient is not None
    return recipient_of(visit, patient, await account_of(session, visit))


async def tell(
    session: AsyncSession,
    held: Held,
    kind: MessageKind,
    to: Recipient,
    *,
    due_at: datetime,
    useful_until: datetime,
    now: datetime,
    suppressed: SuppressedReason | None = None,
    news_at: datetime | None = None,
    known: bool = False,
) -> None:
    """Call back what was not sent of the earlier version, and write what is true now.

    `news_at`: since when a job may have told it, for who goes on after a restore. `known`: she did it herself, or on
    the telephone. What she cannot know is marked, whatever its kind: somebody telephones where the text does not go.
    """
    visit = held.visit
    news = facts_of(visit, held.facility.sms_name) | ({} if known else {BY_FACILITY: True})
    await messages.supersede(session, visit.public_id, now=now)
    notice = Notice(
        visit.public_id, kind, visit.version, visit.facility_id, news,
        due_at=due_at, useful_until=useful_until, suppressed=suppressed, news_at=news_at,
    )  # fmt: skip
    await messages.write(session, [notice], to, now=now)
