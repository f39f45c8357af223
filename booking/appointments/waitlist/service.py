"""Use cases of the waiting list: join it, leave it.

What comes of an offer stands in answering.py, the job's part in sweeping.py.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist import ending, picking
from booking.appointments.waitlist.commands import JoinWaitingList
from booking.appointments.waitlist.errors import AlreadyWaiting, EntryUnknown, TooManyWaiting
from booking.appointments.waitlist.kinds import WAITS, EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget
from booking.appointments.waitlist.rules import check_window
from booking.appointments.waitlist.serving import not_in_vain
from booking.availability.models import Slot
from booking.clock import local_day
from booking.columns import constraint_of
from booking.directory.errors import ServiceUnknown
from booking.directory.models import Facility, Service
from booking.patients import queries as people
from booking.patients.errors import ConsentNeeded, OwnSayNeeded
from booking.patients.kinds import ConsentPurpose
from booking.patients.models import Account, Patient
from booking.trail.service import record

_PERSON_TAKEN: Final = "waitlist_entry_person_key"


async def join(
    session: AsyncSession, account_id: int, command: JoinWaitingList, *, by: Actor, now: datetime, most: int
) -> UUID:
    """Put a person on the waiting list; the entry's public id. The same person and service again gives the same one.

    Args:
        session: of the caller's transaction.
        account_id: whose people they are.
        command: who, for what, where, when.
        by: who asks.
        now: the moment of the request, UTC.
        most: places an account may wait for at once.

    Raises:
        ProfileUnknown: the account has no such person.
        OwnSayNeeded: she has come of age and not agreed that this account books for her.
        ConsentNeeded: nobody agreed that what the facility needs goes to it.
        WindowRefused: see `rules.check_window`.
        ServiceUnknown: one of the facilities has no such service.
        TooManyWaiting: the account waits for `most` places already.
        AlreadyWaiting: another account waits for the same person and service.
    """
    today = local_day(now)
    who = await people.profile(session, account_id, command.profile, today=today)
    if who.own_say:
        raise OwnSayNeeded
    if not who.consented:
        raise ConsentNeeded(purpose=ConsentPurpose.BOOKING.value)
    check_window(command.day_from, command.day_to, today=today)
    services = await _services(session, command)
    # One after the other for one account: two tabs cannot pass the limit together, and the second tap finds the first.
    await session.execute(select(Account.id).where(col(Account.id) == account_id).with_for_update(key_share=True))
    mine = [col(WaitlistEntry.account_id) == account_id, col(WaitlistEntry.state).in_(WAITS)]
    same = [col(WaitlistEntry.patient_id) == who.patient_id, col(WaitlistEntry.service_code) == command.service]
    known = (await session.execute(select(WaitlistEntry.public_id).where(*mine, *same))).scalar()
    if known is not None:
        return known
    if (await session.execute(select(func.count()).select_from(WaitlistEntry).where(*mine))).scalar_one() >= most:
        raise TooManyWaiting(most=most)
    entry = WaitlistEntry(
        public_id=ids.public_id(), account_id=account_id, patient_id=who.patient_id, relation=who.relation,
        service_code=command.service, language=command.language, day_from=max(command.day_from, today),
        day_to=command.day_to, state=EntryState.WAITING, created_at=now,
    )  # fmt: skip
    await _end_in_vain(session, who.patient_id, command.service, by=by, now=now)
    session.add(entry)
    try:
        await session.flush()
    except IntegrityError as problem:
        if constraint_of(problem) == _PERSON_TAKEN:  # the mother waits for her already, and now the father asks
            raise AlreadyWaiting from None
        raise
    assert entry.id is not None
    session.add_all([WaitlistTarget(entry_id=entry.id, service_id=one) for one in services])
    record(
        session, "waitlist.join", "waitlist_entry", entry.public_id, by=by, now=now, service=command.service,
        facilities=len(services),
    )  # fmt: skip
    await session.flush()
    return entry.public_id


async def _end_in_vain(session: AsyncSession, patient_id: int, service_code: str, *, by: Actor, now: datetime) -> None:
    """End another account's wait for her that can never be served: it must not keep her from waiting herself.

    Whose number is wrong, who took her off the list, who may not speak for her any more: they are told of nothing.
    """
    served = (
        select(WaitlistEntry.id)
        .join(Patient, col(Patient.id) == col(WaitlistEntry.patient_id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .where(col(WaitlistEntry.patient_id) == patient_id, *not_in_vain(now))
    )
    query = (
        select(WaitlistEntry)
        .where(
            col(WaitlistEntry.patient_id) == patient_id,
            col(WaitlistEntry.service_code) == service_code,
            picking.waiting(),
            col(WaitlistEntry.id).not_in(served),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for entry in (await session.execute(query)).scalars():
        entry.state, entry.ended_at = EntryState.LEFT, now
        record(session, "waitlist.leave", "waitlist_entry", entry.public_id, by=by, now=now, reason="in_vain")
    await session.flush()


async def _services(session: AsyncSession, command: JoinWaitingList) -> list[int]:
    wanted = set(command.facilities)
    query = (
        select(Service.id)
        .join(Facility, col(Facility.id) == col(Service.facility_id))
        .where(col(Service.code) == command.service, col(Facility.code).in_(wanted))
        .order_by(col(Service.id))
    )
    found = [one for one in (await session.execute(query)).scalars() if one is not None]
    if len(found) != len(wanted):
        raise ServiceUnknown(service=command.service)
    return found


async def waits_of(
    session: AsyncSession, *, patient_id: int | None = None, account_id: int | None = None
) -> list[tuple[int, UUID]]:
    """Who is on the list, of a person, of an account, or of both: each wait's account and public id, for `leave`."""
    query = select(WaitlistEntry.account_id, WaitlistEntry.public_id).where(picking.live())
    if patient_id is not None:
        query = query.where(col(WaitlistEntry.patient_id) == patient_id)
    if account_id is not None:
        query = query.where(col(WaitlistEntry.account_id) == account_id)
    return [(row[0], row[1]) for row in await session.execute(query.order_by(col(WaitlistEntry.id)))]


async def leave(session: AsyncSession, account_id: int, public_id: UUID, *, by: Actor, now: datetime) -> None:
    """Wait no longer; leaving again changes nothing. A place that is offered this moment goes to the next one.

    Raises:
        EntryUnknown: the account has no such entry, whoever else may.
    """
    mine = [col(WaitlistEntry.public_id) == public_id, col(WaitlistEntry.account_id) == account_id]
    held = (
        select(Offer.slot_id, Offer.appointment_id)
        .join(WaitlistEntry, col(WaitlistEntry.id) == col(Offer.entry_id))
        .where(*mine, col(Offer.state) == OfferState.LIVE)
    )
    while True:
        seen = (await session.execute(held)).first()
        if seen is not None and await _refused(session, seen.slot_id, seen.appointment_id, by=by, now=now):
            return
        query = select(WaitlistEntry).where(*mine).with_for_update().execution_options(populate_existing=True)
        entry = (await session.execute(query)).scalar_one_or_none()
        if entry is None:
            raise EntryUnknown
        if entry.state is not EntryState.OFFERED:
            break
        # A place was offered between our look and our lock. Slots are locked before entries: begin again.
        await session.rollback()
    if entry.state is EntryState.WAITING:
        entry.state, entry.ended_at = EntryState.LEFT, now
        record(session, "waitlist.leave", "waitlist_entry", entry.public_id, by=by, now=now)


async def _refused(session: AsyncSession, slot_id: int, appointment_id: int, *, by: Actor, now: datetime) -> bool:
    """End the live offer of one who leaves; False where it ended before we had its locks."""
    query = (
        select(Slot, Service, Facility)
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(col(Slot.id) == slot_id)
        .with_for_update(of=Slot)
        .execution_options(populate_existing=True)
    )
    slot, service, facility = (await session.execute(query)).one()
    visit = await session.get(Appointment, appointment_id, with_for_update=True, populate_existing=True)
    if visit is None or visit.state is not AppointmentState.HELD:
        return False
    await ending.end(session, slot, service, facility, visit, OfferState.REFUSED, by=by, stays=False, now=now)
    return True
