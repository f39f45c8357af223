"""A kept place with all that was kept beside it for one family, locked: what `together` works on.

Order of locks, as everywhere: the browser (an advisory lock, so that its visits are counted one by one), the account,
slots by id, appointments by id, then patients by id and counters last.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.appointments import handing, places, refusals
from booking.appointments.caps import Caps
from booking.appointments.errors import (
    AppointmentUnknown,
    FacilityNotOpen,
    JustGivenUp,
    SlotClosed,
    SlotFull,
    SlotUnknown,
    TooManyHolds,
)
from booking.appointments.kinds import AppointmentState, Channel
from booking.appointments.models import Appointment
from booking.appointments.rules import HOLDS_PER_DEVICE
from booking.appointments.waitlist import offers
from booking.availability.models import Slot
from booking.columns import constraint_of
from booking.directory.kinds import BOOKABLE
from booking.directory.models import Facility, Service
from booking.patients.models import Account
from booking.patients.sessions import SignedIn
from booking.sealed import keys

_BROWSER: Final = 0x42726F77  # "Brow"
_FREED: Final = (AppointmentState.HELD, AppointmentState.LAPSED)


@dataclass(slots=True)
class Party:
    """The hold a link opens, and what the account keeps beside it.

    Attributes:
        first: the appointment whose code and token are the address of the form.
        rows: all of them, held or lapsed, by id; `first` is among them.
        slots: the locked slots by id.
        account_id: who books.
        device: of the browser that asks, where it says which it is.
        used: appointments that are given to somebody by now.
    """

    first: Appointment
    rows: list[Appointment]
    service: Service
    facility: Facility
    slots: dict[int, Slot]
    account_id: int
    device: bytes | None
    caps: Caps
    now: datetime
    used: list[Appointment] = field(default_factory=list)

    @property
    def held(self) -> list[Appointment]:
        """Places that are kept still, not yet given to anybody, in the order of time; `first` before its equals."""
        kept = [row for row in self.rows if row.state is AppointmentState.HELD and row not in self.used]
        return sorted(kept, key=lambda row: (row.starts_at, row is not self.first, row.id))


async def seen(session: AsyncSession, code: str, token: str) -> Appointment:
    """The appointment a link opens, unlocked.

    Raises:
        AppointmentUnknown: no such code, the token does not fit, or the waiting list keeps it for somebody.
    """
    query = select(Appointment).where(col(Appointment.code) == code).execution_options(populate_existing=True)
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None or not keys().token_fits(token, str(found.public_id), found.token_version) or found.offered:
        raise AppointmentUnknown
    return found


async def lock_account(session: AsyncSession, who: SignedIn, device: bytes | None) -> Account:
    """One booking of a browser and of an account at a time, so that what they have ahead is counted right.

    Raises:
        AppointmentUnknown: the account ended meanwhile.
    """
    await lock_browser(session, device)
    account = await session.get(Account, who.account_id, with_for_update={"key_share": True}, populate_existing=True)
    if account is None or account.ended_at is not None:
        raise AppointmentUnknown
    return account


async def lock_browser(session: AsyncSession, device: bytes | None) -> None:
    """One booking of a browser at a time; before every other lock. One that does not say which it is waits for none."""
    if device is not None:
        number = int.from_bytes(device[:4], signed=True)
        await session.execute(select(func.pg_advisory_xact_lock(_BROWSER, number)))


async def check_holds(session: AsyncSession, first: Appointment, account_id: int, caps: Caps) -> None:
    """An account keeps places for so many parties at a time, however many browsers it says it has.

    The account is locked: two of its browsers are counted one after the other.

    Raises:
        TooManyHolds: it keeps as many already beside this one.
    """
    query = select(func.count(func.distinct(col(Appointment.party_id))), func.count()).where(
        col(Appointment.account_id) == account_id,
        col(Appointment.state) == AppointmentState.HELD,
        col(Appointment.offered).is_(False),
        col(Appointment.expires_at) > func.clock_timestamp(),
        col(Appointment.id) != first.id,
        col(Appointment.party_id).is_distinct_from(first.party_id),
    )
    parties, kept = (await session.execute(query)).one()
    if parties >= HOLDS_PER_DEVICE or kept > caps.party:
        raise TooManyHolds(most=HOLDS_PER_DEVICE, retry_after=60)


async def locked(
    session: AsyncSession,
    code: str,
    token: str,
    wanted: Collection[int],
    *,
    who: SignedIn,
    device: bytes | None,
    caps: Caps,
    now: datetime,
) -> Party:
    """The party of a link with the slots it has and those it wants, all locked; the account is locked already.

    Places whose time has run out are given back first, by the database's clock: they are free for whoever asks, and
    that is us. What the account keeps beside the first stays in its slots: only it changes them, under its own lock.

    Raises:
        AppointmentUnknown: as `seen`.
        SlotUnknown: one that is wanted does not exist.
    """
    first = await seen(session, code, token)
    mine = _of(first, who)
    kept = select(col(Appointment.slot_id)).where(mine, col(Appointment.state).in_(_FREED))
    needed = {*(await session.execute(kept)).scalars(), first.slot_id, *wanted}
    slots = await session.execute(
        select(Slot)
        .where(col(Slot.id).in_(needed))
        .order_by(col(Slot.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {slot.id: slot for slot in slots.scalars() if slot.id is not None}
    if unknown := needed - set(found):
        raise SlotUnknown(slot=min(unknown))
    for slot in found.values():
        await places.release_expired(session, slot)
    query = select(Appointment).where(mine).order_by(col(Appointment.id)).with_for_update()
    rows = list((await session.execute(query.execution_options(populate_existing=True))).scalars())
    service = await session.get(Service, first.service_id)
    facility = await session.get(Facility, first.facility_id)
    assert service is not None
    assert facility is not None
    return Party(first, rows, service, facility, found, who.account_id, device, caps, now)


def _of(first: Appointment, who: SignedIn) -> ColumnElement[bool]:
    alone = col(Appointment.id) == first.id
    if first.party_id is None:
        return alone
    mine = and_(col(Appointment.party_id) == first.party_id, col(Appointment.account_id) == who.account_id)
    return or_(alone, mine)


async def check_open(session: AsyncSession, party: Party, slot_id: int) -> None:
    """A kept place promises nothing once its time was closed or the facility paused.

    Raises:
        FacilityNotOpen, SlotClosed: that is so.
    """
    if party.facility.state not in BOOKABLE or not party.service.bookable:
        raise FacilityNotOpen(facility=party.facility.code)
    if not party.slots[slot_id].open:
        raise SlotClosed(nearest=await refusals.nearest_within(session, slot_id, now=party.now))


async def taken(session: AsyncSession, party: Party, slot_id: int) -> tuple[Slot, int]:
    """Take one more place of a locked slot; not one that the same hands gave up a moment ago.

    Raises:
        SlotFull, JustGivenUp, SlotClosed: with the nearest free slots.
        SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen: as for any booking.
    """
    slot = party.slots[slot_id]
    await session.refresh(slot)  # an earlier place was counted past it
    try:
        if await left(session, party, slot) == 0 < handing.free(slot, party.now):
            raise JustGivenUp
        place = await places.take(session, slot, party.service, party.facility, now=party.now)
    except (SlotFull, SlotClosed, JustGivenUp) as refused:
        near = await refusals.nearest_within(session, slot_id, now=party.now)
        refused.facts["nearest"] = [one for one in near if one["id"] != slot_id]  # what was just given up is free
        raise
    await session.refresh(slot)
    return slot, place


async def left(session: AsyncSession, party: Party, slot: Slot) -> int:
    """Places for these hands: without those they gave up within the last minutes."""
    return await handing.left(
        session, slot, account_id=party.account_id, device=party.device, phone_index=None,
        since=party.caps.since(party.now), now=party.now,
    )  # fmt: skip


def put(row: Appointment, slot: Slot, place: int) -> None:
    """Set an appointment into its place."""
    assert slot.id is not None
    row.slot_id, row.place, row.uses_reserved = slot.id, place, False
    row.starts_at, row.ends_at = slot.starts_at, slot.ends_at


def fresh(party: Party, slot: Slot, place: int, state: AppointmentState) -> Appointment:
    """One more appointment of the party."""
    first = party.first
    made = Appointment(
        public_id=ids.public_id(), code=ids.booking_code(), state=state, slot_id=slot.id or 0, place=place,
        facility_id=slot.facility_id, service_id=slot.service_id, starts_at=slot.starts_at, ends_at=slot.ends_at,
        language=first.language, channel=Channel.MOBILE, device=first.device, created_at=party.now,
        expires_at=first.expires_at if state is AppointmentState.HELD else None, account_id=party.account_id,
        party_id=first.party_id,
    )  # fmt: skip
    party.rows.append(made)
    return made


async def let_go(session: AsyncSession, party: Party, row: Appointment) -> None:
    """Give back the place of a kept row."""
    row.state = AppointmentState.LAPSED
    slot = party.slots[row.slot_id]
    await offers.give_back(
        session, slot, party.service, party.facility, row.place, reserved=row.uses_reserved, now=party.now
    )
    await session.refresh(slot)


async def hold_again(session: AsyncSession, party: Party, minutes: int) -> None:
    """Keep the first place again after its time ran out, if it is free still.

    Raises:
        SlotFull and its kin: it is not.
        TooManyHolds: the browser keeps as many others as it may.
    """
    first = party.first
    slot, place = await taken(session, party, first.slot_id)
    put(first, slot, place)
    first.hold_number = None
    await session.flush()
    clock = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    kept = {"state": AppointmentState.HELD, "expires_at": clock + timedelta(minutes=minutes)}
    for _ in range(HOLDS_PER_DEVICE + 1):
        number = await _hold_number(session, first)
        try:
            async with session.begin_nested():
                await session.execute(
                    update(Appointment)
                    .where(col(Appointment.id) == first.id)
                    .values(hold_number=number, **kept)
                    .execution_options(synchronize_session=False)
                )
        except IntegrityError as problem:
            if constraint_of(problem) != "appointment_hold_key":
                raise
            continue  # the browser kept another place this very moment: there may be one more number
        await session.refresh(first)
        return
    raise TooManyHolds(most=HOLDS_PER_DEVICE, retry_after=60)


async def _hold_number(session: AsyncSession, first: Appointment) -> int:
    """The lowest number under which the browser keeps nothing; what has run out in other slots gives its number back.

    Only the number: the place is given back under its slot's lock, by whoever comes by.
    """
    of_browser = [
        col(Appointment.device) == first.device,
        col(Appointment.state) == AppointmentState.HELD,
        col(Appointment.id) != first.id,
    ]
    await session.execute(
        update(Appointment)
        .where(*of_browser, col(Appointment.expires_at) <= func.clock_timestamp())
        .values(hold_number=None)
        .execution_options(synchronize_session=False)
    )
    held = set((await session.execute(select(col(Appointment.hold_number)).where(*of_browser))).scalars())
    number = next((number for number in range(1, HOLDS_PER_DEVICE + 1) if number not in held), None)
    if number is None:
        raise TooManyHolds(most=HOLDS_PER_DEVICE, retry_after=60)
    return number
