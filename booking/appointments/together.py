"""Booking for people of one's account: one, or a family in one go; all of them or nobody, in one transaction.

    hold (by device) → keep places for so many → who comes, at which time → book

The page shows who is to come at which time before it is confirmed; places of that proposal are kept with the first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.appointments import ahead, confirming, party, refusals
from booking.appointments.commands import BookTogether
from booking.appointments.confirming import Asker
from booking.appointments.errors import AlreadyBooked, PartyTooLarge, SlotFull
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.party import Party
from booking.appointments.service import Ticket
from booking.availability.models import Slot
from booking.clock import local_day
from booking.columns import constraint_of
from booking.errors import Busy
from booking.patients import queries
from booking.patients.errors import ConsentNeeded, OwnSayNeeded, ProfileUnknown
from booking.patients.kinds import ConsentPurpose
from booking.patients.models import Patient
from booking.patients.queries import ProfileView
from booking.trail.keys import IdempotencyKey
from booking.trail.service import record

HELD_OR_LAPSED: Final = (AppointmentState.HELD, AppointmentState.LAPSED)
_NEAR: Final = 12
"""Slots of a day that are looked at for a family, the nearest first."""


async def book_together(
    session: AsyncSession, command: BookTogether, *, token: str, key: IdempotencyKey, asker: Asker
) -> list[Ticket]:
    """Book for one person or several: each the time that is named for her, or nothing at all.

    A place that is kept for them is confirmed, its expiry judged by the database's clock. One whose time ran out is
    taken again where it is free still, as a new booking would be.

    Args:
        session: of the caller's transaction; everything happens in it.
        command: who comes, at which time.
        token: of the hold.
        key: one key and one body give the same tickets; a repeat writes.
        asker: the account, the browser and the limits.

    Returns:
        The tickets, in the order of the people.

    Raises:
        AppointmentUnknown: the link opens nothing.
        AlreadyBooked: the hold was confirmed before, or a person has a visit for this service that day.
        SlotFull, SlotClosed, JustGivenUp: a place is gone; with the nearest free slots.
        TooManyUpcoming, TriedTooOften, PartyTooLarge: a limit of ours.
        ProfileUnknown, OwnSayNeeded, ConsentNeeded: somebody may not be booked for.
        KeyReused: the key was used for something else.
    """
    first = await party.seen(session, command.hold, token)
    account = await party.lock_account(session, asker.who, asker.device)
    if (tickets := await confirming.replayed(session, key)) is not None:
        return tickets
    people = await _people(session, command, asker)
    group = await _locked(session, command.hold, token, [coming.slot for coming in command.people], asker)
    if group.first.state not in HELD_OR_LAPSED:
        raise AlreadyBooked
    patients = await _patients(session, people)
    await ahead.check(session, group, account, people)
    # Whoever has the first place is seated first: its appointment is the one whose link the form has.
    order = sorted(range(len(people)), key=lambda number: command.people[number].slot != first.slot_id)
    visits = {number: await _seated(session, group, command.people[number].slot) for number in order}
    for row in group.held:
        await party.let_go(session, group, row)
    together = (first.party_id or ids.public_id()) if len(people) > 1 else None
    made = [visits[number] for number in range(len(people))]
    for visit, person in zip(made, people, strict=True):
        _book(visit, person, together, command.language, asker)
    await _flushed(session, made)
    for visit, person in zip(made, people, strict=True):
        await confirming.tell(session, group, visit, patients[person.patient_id], account, asker)
    await confirming.count(session, account, len(made), asker)
    confirming.remember(session, key, made, now=asker.now)
    await ahead.flag_many_people(session, account, patients[people[-1].patient_id], now=asker.now)
    return [confirming.ticket(visit) for visit in made]


async def hold_together(
    session: AsyncSession, code: str, token: str, number: int, *, minutes: int, asker: Asker
) -> list[Appointment]:
    """Keep as many places as people come: in the same slot while it has some, else in the nearest of the same day.

    A first place whose time ran out is kept anew where it is free still; places too many are given back.

    Args:
        session: of the caller's transaction.
        code: of the hold.
        token: of the hold.
        number: people who come.
        minutes: how long a place is kept again.
        asker: the account, the browser and the limits.

    Returns:
        The kept places in the order of time: the proposal.

    Raises:
        AppointmentUnknown, AlreadyBooked: as `book_together`.
        SlotFull: the day has not as many places left; `left` says how many people it has room for.
        PartyTooLarge: more than may come in one go.
        TooManyHolds: the account keeps places for as many others as it may.
    """
    if number > asker.caps.party:
        raise PartyTooLarge(most=asker.caps.party)
    first = await party.seen(session, code, token)
    await party.lock_account(session, asker.who, asker.device)
    await party.check_holds(session, first, asker.who.account_id, asker.caps)
    near = await _near(session, first, asker.now) if number > 1 else []
    group = await _locked(session, code, token, near, asker)
    if group.first.state not in HELD_OR_LAPSED:
        raise AlreadyBooked
    if group.first.state is AppointmentState.LAPSED:
        await party.hold_again(session, group, minutes)
    group.first.account_id = asker.who.account_id
    group.first.party_id = group.first.party_id or ids.public_id()
    for row in _too_many(group, number):
        await party.let_go(session, group, row)
    for slot_id in [group.first.slot_id, *near]:
        while len(group.held) < number and await party.left(session, group, group.slots[slot_id]):
            slot, place = await party.taken(session, group, slot_id)
            row = party.fresh(group, slot, place, AppointmentState.HELD)
            session.add(row)
            await session.flush()
            record(session, "appointment.hold", "appointment", row.public_id, by=asker.by, now=asker.now, slot=slot_id)
    if len(group.held) < number:
        nearest = await refusals.nearest_within(session, group.first.slot_id, now=asker.now)
        raise SlotFull(nearest=nearest, left=len(group.held))
    await session.flush()
    return group.held


async def _locked(session: AsyncSession, code: str, token: str, wanted: Sequence[int], asker: Asker) -> Party:
    return await party.locked(
        session, code, token, wanted, who=asker.who, device=asker.device, caps=asker.caps, now=asker.now
    )


def _too_many(group: Party, number: int) -> list[Appointment]:
    """Kept places that nobody needs, the farthest from the first, which is never one of them."""
    first = group.first
    spare = [row for row in group.held if row is not first]
    spare.sort(key=lambda row: abs(row.starts_at - first.starts_at), reverse=True)
    return spare[: max(0, len(spare) + 1 - number)]


async def _near(session: AsyncSession, first: Appointment, now: datetime) -> list[int]:
    """Other slots of the same service and day that may have places, the nearest first."""
    distance = func.abs(func.extract("epoch", col(Slot.starts_at) - first.starts_at))
    query = (
        select(col(Slot.id))
        .where(
            col(Slot.service_id) == first.service_id,
            col(Slot.day) == local_day(first.starts_at),
            col(Slot.id) != first.slot_id,
            col(Slot.open),
            col(Slot.bookable_from) <= now,
            col(Slot.bookable_until) > now,
            func.cardinality(col(Slot.free_places)) > 0,
        )
        .order_by(distance, col(Slot.starts_at), col(Slot.id))
        .limit(_NEAR)
    )
    return [found for found in (await session.execute(query)).scalars() if found is not None]


async def _people(session: AsyncSession, command: BookTogether, asker: Asker) -> list[ProfileView]:
    """The people of the account who are named, in that order."""
    if len(command.people) > asker.caps.party:
        raise PartyTooLarge(most=asker.caps.party)
    known = {one.id: one for one in await queries.profiles(session, asker.who.account_id, today=local_day(asker.now))}
    people = [known.get(coming.profile) for coming in command.people]
    found = [person for person in people if person is not None]
    if len(found) < len(people):
        raise ProfileUnknown
    if any(person.own_say for person in found):
        raise OwnSayNeeded
    if not all(person.consented for person in found):
        raise ConsentNeeded(purpose=ConsentPurpose.BOOKING.value)
    return found


async def _patients(session: AsyncSession, people: Sequence[ProfileView]) -> dict[int, Patient]:
    """Their rows, locked by id: another account may book for the same person at this moment."""
    query = (
        select(Patient)
        .where(col(Patient.id).in_([person.patient_id for person in people]))
        .order_by(col(Patient.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {patient.id: patient for patient in (await session.execute(query)).scalars() if patient.id is not None}


async def _seated(session: AsyncSession, group: Party, slot_id: int) -> Appointment:
    """An appointment in the slot: one that is kept, or a place taken now."""
    first = group.first
    row = next((kept for kept in group.held if kept.slot_id == slot_id), None)
    if row is not None:
        await party.check_open(session, group, slot_id)
    else:
        slot, place = await party.taken(session, group, slot_id)
        if first in group.used:
            row = party.fresh(group, slot, place, AppointmentState.BOOKED)
        else:
            if first.state is AppointmentState.HELD:
                await party.let_go(session, group, first)
            party.put(first, slot, place)
            row = first
    group.used.append(row)
    return row


def _book(visit: Appointment, person: ProfileView, together: UUID | None, language: str, asker: Asker) -> None:
    visit.state = AppointmentState.BOOKED
    visit.patient_id, visit.relation, visit.language = person.patient_id, person.relation, language
    visit.account_id, visit.party_id = asker.who.account_id, together
    visit.device = asker.device or visit.device
    visit.booked_at, visit.expires_at = asker.now, None


async def _flushed(session: AsyncSession, visits: Sequence[Appointment]) -> None:
    session.add_all(visits)
    try:
        await session.flush()
    except IntegrityError as problem:
        name = constraint_of(problem)
        if name == "appointment_day_key":  # the JSON door booked the same person this very moment
            raise AlreadyBooked from None
        if name == "appointment_code_key":  # one in millions: again, with another
            raise Busy(retry_after=1) from None
        raise
