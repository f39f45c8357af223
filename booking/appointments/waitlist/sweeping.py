"""What the job does, one slot a transaction: end offers nobody answered, and offer what became free otherwise.

That is a place which is free without anybody giving one up: published, reopened, one more of them, a hold
that lapsed, or given up in the night.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import func, literal_column, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.appointments.models import Appointment
from booking.appointments.waitlist import picking, rules
from booking.appointments.waitlist.ending import end
from booking.appointments.waitlist.kinds import EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry
from booking.appointments.waitlist.offers import pass_on
from booking.availability.models import Slot
from booking.availability.statements import bookable_now, free_online, taking
from booking.columns import state_in
from booking.directory.models import Facility, Service

_AT_ONCE: Final = 200
"""Slots a run looks at; the next run follows in seconds."""


async def anybody_waits(session: AsyncSession) -> bool:
    """Whether there is anything to do at all: one look at an index that is empty when nobody waits."""
    return (await session.execute(select(WaitlistEntry.id).where(picking.live()).limit(1))).first() is not None


async def expired_slots(session: AsyncSession) -> list[int]:
    """Slots with offers whose time has run out, by the database's clock."""
    query = (
        select(Offer.slot_id)
        .where(state_in((OfferState.LIVE,)), col(Offer.expires_at) <= func.clock_timestamp())
        .distinct()
        .order_by(col(Offer.slot_id))
        .limit(_AT_ONCE)
    )
    return list((await session.execute(query)).scalars())


async def lapse(session: AsyncSession, slot_id: int, *, now: datetime) -> int:
    """End the offers of a slot whose time has run out, each place passed on to the next; how many ended.

    Somebody who accepts at this moment holds the same locks: one of the two finds what the other left.
    """
    slot, service, facility = await _locked(session, slot_id)
    query = (
        select(Appointment)
        .where(
            col(Appointment.slot_id) == slot_id,
            col(Appointment.state) == literal_column("'held'"),  # as the index of places has it
            col(Appointment.offered),
            col(Appointment.expires_at) <= func.clock_timestamp(),
        )
        .order_by(col(Appointment.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = list((await session.execute(query)).scalars())
    for visit in found:
        await end(session, slot, service, facility, visit, OfferState.LAPSED, now=now)
    return len(found)


async def slots_to_offer(session: AsyncSession, *, now: datetime) -> list[int]:
    """Slots with a free place that somebody who waits was not told of yet, the earliest first; none at night."""
    if not rules.telling(now, clock.ZONE) or await picking.unheard(session, now=now):
        return []
    free = [
        taking(), bookable_now(), free_online() > 0,
        col(Slot.bookable_until) >= now + rules.LEAST,
    ]  # fmt: skip
    query = picking.slots_to_offer(now, free).limit(_AT_ONCE)
    return list((await session.execute(query, {"now": now})).scalars())


async def offer(session: AsyncSession, slot_id: int, *, now: datetime) -> int:
    """Offer the free places of a slot to those who wait; how many offers were made."""
    slot, service, facility = await _locked(session, slot_id)
    made = 0
    while await pass_on(session, slot, service, facility, now=now) is not None:
        made += 1
    return made


async def end_over(session: AsyncSession, *, now: datetime) -> int:
    """Entries whose last day is past wait no longer; how many."""
    ended = await session.execute(
        update(WaitlistEntry)
        .where(picking.waiting(), col(WaitlistEntry.day_to) < clock.local_day(now))
        .values(state=EntryState.OVER, ended_at=now)
        .returning(col(WaitlistEntry.id))
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


async def _locked(session: AsyncSession, slot_id: int) -> tuple[Slot, Service, Facility]:
    query = (
        select(Slot, Service, Facility)
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(col(Slot.id) == slot_id)
        .with_for_update(of=Slot)
        .execution_options(populate_existing=True)
    )
    slot, service, facility = (await session.execute(query)).one()
    return slot, service, facility
