"""What the holder of an offer's link does: takes the place, or does not want it.

The browser and the account are locked first, then the slot, the appointment, the person, and the offer with its entry:
the same order in which the job ends an offer whose time has run out, so that of the two that meet one finds what the
other left, and in which people are booked in one go.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import ahead
from booking.appointments.caps import Caps
from booking.appointments.errors import AppointmentUnknown, FacilityNotOpen, SlotClosed
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.party import lock_browser
from booking.appointments.telling import facts_of, recipient_of
from booking.appointments.waitlist import ending
from booking.appointments.waitlist.errors import OfferOver
from booking.appointments.waitlist.kinds import EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry
from booking.appointments.waitlist.serving import may_be_served
from booking.availability.models import Slot
from booking.directory.kinds import BOOKABLE
from booking.directory.models import Facility, Service
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import Notice
from booking.patients.models import Account, Patient
from booking.sealed import keys
from booking.trail.service import record


@dataclass(slots=True)
class _Held:
    """The place of an offer, its slot and itself locked."""

    visit: Appointment
    slot: Slot
    service: Service
    facility: Facility
    live: bool  # by the database's clock


async def accept(
    session: AsyncSession,
    code: str,
    token: str,
    *,
    by: Actor,
    now: datetime,
    caps: Caps,
    device: bytes | None = None,
) -> UUID:
    """Take the place that is kept; taking it again changes nothing. Its expiry is judged by the database's clock.

    What had to hold when it was offered must hold still: agreement, the account and its list, her own say, her number.

    Args:
        session: of the caller's transaction.
        code: of the held place.
        token: opens it.
        by: who asks.
        now: the moment of the request, UTC.
        caps: how many visits may lie ahead.
        device: of the browser that asks, where it says which it is.

    Returns:
        The public id of the visit.

    Raises:
        AppointmentUnknown: no such offer, or the token does not fit.
        OfferOver: its time has run out, it was refused, or it may no longer be taken for her.
        TooManyUpcoming: the person, the number or the browser has as many visits ahead as it may.
        SlotClosed, FacilityNotOpen: nothing takes place at that time any more.
    """
    await lock_browser(session, device)
    held = await _locked(session, code, token)
    visit = held.visit
    if visit.state not in (AppointmentState.HELD, AppointmentState.LAPSED):
        return visit.public_id
    if visit.state is not AppointmentState.HELD or not held.live:
        raise OfferOver
    if not held.slot.open:
        raise SlotClosed
    if held.facility.state not in BOOKABLE or not held.service.bookable:
        raise FacilityNotOpen(facility=held.facility.code)
    patient, account = await _whose(session, visit, now=now)
    assert patient.id is not None
    await ahead.check_room(session, account, [patient.id], device=device, caps=caps, now=now)
    offer, entry = await ending.of_visit(session, visit)
    visit.state, visit.booked_at, visit.expires_at, visit.device = AppointmentState.BOOKED, now, None, device
    offer.state, offer.ended_at = OfferState.ACCEPTED, now
    entry.state, entry.ended_at = EntryState.SERVED, now
    await messages.supersede(session, visit.public_id, now=now)
    await _confirm(session, held, patient, account, now=now)
    record(
        session, "appointment.book", "appointment", visit.public_id, by=by, now=now, slot=visit.slot_id,
        place=visit.place, entry=str(entry.public_id),
    )  # fmt: skip
    return visit.public_id


async def _whose(session: AsyncSession, visit: Appointment, *, now: datetime) -> tuple[Patient, Account]:
    """For whom the place is kept. Her row is locked before the question, so an answer she withdraws now is seen."""
    assert visit.patient_id is not None
    await _lock_person(session, visit.patient_id)
    query = (
        select(Patient, Account)
        .join(WaitlistEntry, col(WaitlistEntry.patient_id) == col(Patient.id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .join(Offer, col(Offer.entry_id) == col(WaitlistEntry.id))
        .where(col(Offer.appointment_id) == visit.id, *may_be_served(now))
    )
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise OfferOver
    return row[0], row[1]


async def _lock_person(session: AsyncSession, patient_id: int) -> None:
    """One visit of a person at a time: what she has ahead is counted under this lock, whichever account asks."""
    await session.execute(select(Patient.id).where(col(Patient.id) == patient_id).with_for_update(key_share=True))


async def refuse(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime, stays: bool = True) -> None:
    """Let the place go to the next one; refusing again changes nothing.

    Args:
        session: of the caller's transaction.
        code: of the held place.
        token: opens it.
        by: who asks.
        now: the moment of the request, UTC.
        stays: whether she waits on for another place. An offer that is over already can still be left with.

    Raises:
        AppointmentUnknown: no such offer, or the token does not fit.
    """
    held = await _locked(session, code, token)
    if held.visit.state is AppointmentState.HELD:
        outcome = OfferState.REFUSED
        await ending.end(
            session, held.slot, held.service, held.facility, held.visit, outcome, by=by, stays=stays, now=now
        )
    elif held.visit.state is AppointmentState.LAPSED and not stays:
        _, entry = await ending.of_visit(session, held.visit)
        if entry.state is EntryState.WAITING:
            entry.state, entry.ended_at = EntryState.LEFT, now
            record(session, "waitlist.leave", "waitlist_entry", entry.public_id, by=by, now=now)


async def _locked(session: AsyncSession, code: str, token: str) -> _Held:
    """The place a token opens. An offered place is never moved before it is booked, so its slot stays the same."""
    seen = (
        await session.execute(
            select(Appointment.slot_id, Appointment.public_id, Appointment.token_version, Appointment.account_id).where(
                col(Appointment.code) == code, col(Appointment.offered)
            )
        )
    ).first()
    if seen is None or not keys().token_fits(token, str(seen.public_id), seen.token_version):
        raise AppointmentUnknown
    # The account first, as where several people are booked in one go: what it has ahead is counted under this lock.
    await session.execute(select(Account.id).where(col(Account.id) == seen.account_id).with_for_update(key_share=True))
    query = select(Slot).where(col(Slot.id) == seen.slot_id).with_for_update()
    slot = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    held = (
        select(Appointment, Service, Facility, col(Appointment.expires_at) > func.clock_timestamp())
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(col(Appointment.code) == code)
        .with_for_update(of=Appointment)
        .execution_options(populate_existing=True)
    )
    visit, service, facility, live = (await session.execute(held)).one()
    return _Held(visit, slot, service, facility, live=bool(live))


async def _confirm(session: AsyncSession, held: _Held, patient: Patient, account: Account, *, now: datetime) -> None:
    visit = held.visit
    notice = Notice(
        visit.public_id, MessageKind.BOOKED, visit.version, visit.facility_id,
        facts_of(visit, held.facility.sms_name), due_at=now, useful_until=visit.starts_at,
    )  # fmt: skip
    await messages.write(session, [notice], recipient_of(visit, patient, account), now=now)
