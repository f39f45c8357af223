"""Giving a place back, and telling the next one who waits. Every place that a use case frees goes through `give_back`.

Holds of people who were typing and let their time run out are no use case: whoever finds the slot full sweeps them up
for herself (lookups.py), and what nobody took is found by the job (sweeping.py).
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from booking import clock, ids
from booking.actor import system
from booking.appointments import places
from booking.appointments.errors import FacilityNotOpen, SlotClosed, SlotFull, SlotMismatch, SlotNotReleased, SlotPast
from booking.appointments.kinds import AppointmentState, Channel
from booking.appointments.models import Appointment
from booking.appointments.telling import facts_of, recipient_of
from booking.appointments.waitlist import picking, rules
from booking.appointments.waitlist.kinds import EntryState, OfferState
from booking.appointments.waitlist.models import Offer
from booking.appointments.waitlist.picking import Picked
from booking.availability.models import Slot
from booking.columns import constraint_of
from booking.directory.models import Facility, Service
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import Notice
from booking.trail.service import record

_BY: Final = system("waiting_list")
_NO_PLACE: Final = (SlotFull, SlotClosed, SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen)
_CODE_TAKEN: Final = "appointment_code_key"


async def give_back(
    session: AsyncSession,
    slot: Slot,
    service: Service,
    facility: Facility,
    place: int,
    *,
    reserved: bool,
    now: datetime,
) -> None:
    """Free a place of a slot we hold the lock of, and offer it to the next one who waits.

    The appointment that held it says so no longer: its new state is written already. Whoever frees several places in
    one transaction has locked all their slots before, by id.

    Args:
        session: the caller's transaction.
        slot: the locked row.
        service: the slot's.
        facility: the slot's.
        place: the number of the place.
        reserved: whether it was one kept for walk-ins.
        now: the moment of the request or the job's run.
    """
    assert slot.id is not None
    await session.flush()
    await places.free(session, slot.id, place, reserved=reserved)
    await pass_on(session, slot, service, facility, now=now)


async def pass_on(
    session: AsyncSession, slot: Slot, service: Service, facility: Facility, *, now: datetime
) -> Offer | None:
    """Offer one free place of a slot we hold the lock of; the offer, or None where the place stays public.

    At most one offer is made. Nobody is told in the quiet hours, too shortly before the time, or while texts about
    offers do not go out.
    """
    assert slot.id is not None
    length = rules.offer_length(now, slot.bookable_until, clock.ZONE)
    tried: set[int] = set()
    while length is not None:
        picked = await picking.first(session, slot, now=now, without=tried)
        if picked is None or await picking.unheard(session, now=now):
            return None
        entry_id = picked.entry.id
        assert entry_id is not None
        try:
            async with session.begin_nested():
                return await _offered(session, slot, service, facility, picked, length, now=now)
        except _NO_PLACE:
            return None
        except IntegrityError as problem:
            # She books by another way this very moment: the place is for the next one. A code that was given already
            # (one in millions) is thrown again.
            if constraint_of(problem) != _CODE_TAKEN:
                tried.add(entry_id)
    return None


async def _offered(
    session: AsyncSession,
    slot: Slot,
    service: Service,
    facility: Facility,
    picked: Picked,
    length: timedelta,
    *,
    now: datetime,
) -> Offer:
    await session.refresh(slot)  # places were counted past it
    place = await places.take(session, slot, service, facility, now=now)
    expires_at = (await session.execute(select(func.clock_timestamp()))).scalar_one() + length
    visit = _held(slot, place, picked, expires_at, now=now)
    session.add(visit)
    await session.flush()
    entry = picked.entry
    assert entry.id is not None
    assert visit.id is not None
    assert slot.id is not None
    offer = Offer(
        public_id=ids.public_id(), entry_id=entry.id, appointment_id=visit.id, slot_id=slot.id, state=OfferState.LIVE,
        expires_at=expires_at, created_at=now,
    )  # fmt: skip
    entry.state = EntryState.OFFERED
    session.add(offer)
    await session.flush()
    facts = facts_of(visit, facility.sms_name) | {"until": f"{expires_at.astimezone(clock.ZONE):%H:%M}"}
    notice = Notice(
        visit.public_id, MessageKind.OFFER, visit.version, visit.facility_id, facts, due_at=now,
        useful_until=expires_at,
    )  # fmt: skip
    await messages.write(session, [notice], recipient_of(visit, picked.patient, picked.account), now=now)
    record(
        session, "appointment.offer", "appointment", visit.public_id, by=_BY, now=now, slot=slot.id, place=place,
        entry=str(entry.public_id),
    )  # fmt: skip
    return offer


def _held(slot: Slot, place: int, picked: Picked, expires_at: datetime, *, now: datetime) -> Appointment:
    """The appointment that keeps the place. No device holds it, so it counts for nobody's holds."""
    assert slot.id is not None
    entry = picked.entry
    return Appointment(
        public_id=ids.public_id(),
        code=ids.booking_code(),
        state=AppointmentState.HELD,
        slot_id=slot.id,
        place=place,
        facility_id=slot.facility_id,
        service_id=slot.service_id,
        patient_id=entry.patient_id,
        relation=entry.relation,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        language=entry.language,
        channel=Channel.MOBILE,
        created_at=now,
        expires_at=expires_at,
        account_id=entry.account_id,
        offered=True,
    )
