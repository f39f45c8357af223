"""Taking and giving back one place of a slot whose row we have locked: what every use case of several steps does.

The slot's lock comes first, slots by id, then the appointment; nothing here takes another.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.errors import SlotFull
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.rules import SlotFacts, refusal
from booking.availability.models import Slot
from booking.directory.kinds import BOOKABLE
from booking.directory.models import Facility, Service


async def take(
    session: AsyncSession, slot: Slot, service: Service, facility: Facility, *, now: datetime, desk: bool = False,
    practice: bool = False,
) -> int:  # fmt: skip
    """Take a place, for somebody at home, of a slot we hold the lock of; the number of the place.

    A desk takes one until the time begins: the lead is for those who are on their way. Places kept for walk-ins are
    not for bookings, whoever makes them. `practice`: staff act, so a facility to practise at has places too; it never
    has any for patients.

    Raises:
        SlotFull, SlotClosed, SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen: nothing was written.
    """
    kept = slot.reserved - slot.reserved_used if now < slot.release_at else 0
    if len(slot.free_places) <= kept:
        await release_expired(session, slot)
    facts = SlotFacts(
        facility=facility.code,
        service=service.code if slot.service_id == service.id else "",
        taking=(facility.state in BOOKABLE or (practice and facility.training)) and service.bookable,
        open=slot.open,
        free=max(0, len(slot.free_places) - kept),
        bookable_from=slot.bookable_from,
        bookable_until=slot.starts_at if desk else slot.bookable_until,
    )
    refused = refusal(facts, facility=facility.code, service=service.code, now=now)
    if refused is not None:
        raise refused
    taken = await session.execute(
        update(Slot)
        .where(col(Slot.id) == slot.id, func.cardinality(col(Slot.free_places)) > 0)
        .values(
            taken=col(Slot.taken) + 1,
            last_place=literal_column("free_places[1]"),
            free_places=literal_column("free_places[2:]"),
        )
        .returning(col(Slot.last_place))
        .execution_options(synchronize_session=False)
    )
    place: int | None = taken.scalar()
    if place is None:
        raise SlotFull
    return place


async def release_expired(session: AsyncSession, slot: Slot) -> None:
    """Give back the places of expired holds of a slot we hold the lock of, by the database's clock.

    Places that are offered to somebody who waits are left: who ends an offer passes its place on (waitlist/).
    """
    gone = await session.execute(
        update(Appointment)
        .where(
            col(Appointment.slot_id) == slot.id,
            col(Appointment.state) == AppointmentState.HELD,
            col(Appointment.offered).is_(False),
            col(Appointment.expires_at) <= func.clock_timestamp(),
        )
        .values(state=AppointmentState.LAPSED)
        .returning(col(Appointment.place))
        .execution_options(synchronize_session=False)
    )
    places = list(gone.scalars())
    if places:
        slot.taken -= len(places)
        slot.free_places = [*slot.free_places, *places]
        await session.flush()


async def free(session: AsyncSession, slot_id: int, place: int, *, reserved: bool) -> None:
    """Give a place back to a slot we hold the lock of; `reserved` where it was one kept for walk-ins.

    Only `waitlist.offers.give_back` calls this, so that no way of freeing a place forgets those who wait for one.
    """
    values: dict[str, Any] = {
        "taken": col(Slot.taken) - 1,
        "free_places": func.array_append(col(Slot.free_places), place),
    }
    if reserved:
        values["reserved_used"] = col(Slot.reserved_used) - 1
    await session.execute(
        update(Slot).where(col(Slot.id) == slot_id).values(**values).execution_options(synchronize_session=False)
    )
