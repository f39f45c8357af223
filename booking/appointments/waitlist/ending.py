"""How an offer ends without being taken: refused, lapsed, or its entry left. Its place goes to the next one."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.actor import Actor, system
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist.kinds import EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry
from booking.appointments.waitlist.offers import give_back
from booking.availability.models import Slot
from booking.directory.models import Facility, Service
from booking.messages import service as messages
from booking.trail.service import record


async def of_visit(session: AsyncSession, visit: Appointment) -> tuple[Offer, WaitlistEntry]:
    """The offer a held place is for, and its entry, both locked: after the slot and the appointment, as everywhere."""
    query = (
        select(Offer, WaitlistEntry)
        .join(WaitlistEntry, col(WaitlistEntry.id) == col(Offer.entry_id))
        .where(col(Offer.appointment_id) == visit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    offer, entry = (await session.execute(query)).one()
    return offer, entry


async def end(
    session: AsyncSession,
    slot: Slot,
    service: Service,
    facility: Facility,
    visit: Appointment,
    outcome: OfferState,
    *,
    by: Actor | None = None,
    stays: bool = True,
    now: datetime,
) -> None:
    """End a live offer whose slot and appointment are locked, and pass its place on.

    Args:
        session: the caller's transaction.
        slot: the locked row.
        service: the slot's.
        facility: the slot's.
        visit: the held place, locked.
        outcome: REFUSED, LAPSED or WITHDRAWN.
        by: who ends it; None where its time ran out.
        stays: whether she waits on for another place.
        now: the moment of the request or the job's run.
    """
    offer, entry = await of_visit(session, visit)
    visit.state = AppointmentState.LAPSED
    offer.state, offer.ended_at = outcome, now
    if not stays:
        entry.state, entry.ended_at = EntryState.LEFT, now
    elif entry.day_to < clock.local_day(now):
        entry.state, entry.ended_at = EntryState.OVER, now
    else:
        entry.state = EntryState.WAITING
    if outcome is not OfferState.LAPSED:  # a text that was not sent in its time is left as it is: it tells us so
        await messages.supersede(session, visit.public_id, now=now)
    record(
        session, f"appointment.offer_{outcome.value}", "appointment", visit.public_id,
        by=by or system("waiting_list"), now=now, slot=visit.slot_id, entry=str(entry.public_id),
    )  # fmt: skip
    await give_back(session, slot, service, facility, visit.place, reserved=visit.uses_reserved, now=now)
