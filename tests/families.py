"""Families that book, made through the use cases; a number keeps them apart.

home = await family(db, 1, people=3)            # an account with three people who agreed, and its browser
held = await hold(db, world.slots[0], home)
tickets = await book(db, home, held, [world.slots[0]] * 3)
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from booking import ids
from booking.appointments import service, together
from booking.appointments.caps import Caps
from booking.appointments.commands import BookTogether, CancelAppointment, Coming, HoldPlace, RescheduleAppointment
from booking.appointments.confirming import Asker
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.clock import utc_now
from booking.db import Database
from booking.patients import consents
from booking.patients import service as patients
from booking.patients.commands import AddProfile
from booking.patients.kinds import ConsentPurpose, Relation
from booking.patients.queries import ProfileView
from booking.patients.rules import read_phone
from booking.patients.sessions import SignedIn
from booking.sealed import keys
from booking.trail.keys import IdempotencyKey, keyed
from tests import households, people
from tests.seeds import FACILITY, SERVICE

CAPS = Caps(per_day=12, phone=10, profile=4, device=12, given_up_minutes=10, party=6)
WIDE = Caps(per_day=1000, phone=1000, profile=1000, device=1000, given_up_minutes=0, party=6)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Family:
    """An account with its people, its browser and the limits it meets."""

    who: SignedIn
    people: list[ProfileView]
    device: bytes
    caps: Caps = CAPS

    def asker(self) -> Asker:
        """Somebody of the family asks, now."""
        by = households.actor(self.who.account_id)
        return Asker(who=self.who, device=self.device, caps=self.caps, by=by, now=utc_now())

    def within(self, caps: Caps) -> "Family":
        """The same under other limits."""
        return replace(self, caps=caps)


async def family(db: Database, number: int, *, people_: int = 1, caps: Caps = CAPS, sms: bool = True) -> Family:
    """An account of so many people who agreed; no two families share a number, a name or a browser."""
    phone = people.phone(number)
    account = await households.account(db, phone)
    answers = {ConsentPurpose.BOOKING: True, ConsentPurpose.SMS: sms}
    by, made = households.actor(account), []
    async with db.transaction() as session:
        for each in range(people_):
            add = AddProfile(
                name=people.name(number + each * 37), birth_year=1980 if each == 0 else 2018 + each % 6,
                relation=Relation.SELF if each == 0 else Relation.CHILD,
            )  # fmt: skip
            one = await patients.add_profile(session, account, add, by=by, now=utc_now())
            await consents.give(
                session, one.patient_id, answers, account_id=account, language="vi", channel="mobile", by=by,
                now=utc_now(),
            )  # fmt: skip
            made.append(replace(one, consented=True))
    who = SignedIn(account, ids.public_id(), read_phone(phone).e164, False, ids.public_id())
    return Family(who, made, keys().index("device", f"browser-{number}"), caps)


async def hold(db: Database, slot: int, home: Family, *, service_code: str = SERVICE) -> Ticket:
    """The family's browser keeps a place."""
    command = HoldPlace(facility=FACILITY, service=service_code, slot=slot)
    asker = home.asker()
    async with db.hot() as hot:
        return await service.hold(
            hot, command, by=asker.by, now=asker.now, key=keyed("test", f"hold-{next(_numbers):06d}", command),
            channel=Channel.MOBILE, device=home.device, device_known=True, minutes=5, caps=home.caps,
        )  # fmt: skip


def command(home: Family, held: Ticket, slots: Sequence[int]) -> BookTogether:
    """The first people of the family come, each at her time."""
    coming = (Coming(profile=one.id, slot=slot) for one, slot in zip(home.people, slots, strict=False))
    return BookTogether(hold=held.code, people=tuple(coming), language="vi")


def key_of(wish: BookTogether, key: str = "") -> IdempotencyKey:
    """A key of its own, or the one that is named."""
    return keyed("test:together", key or f"book-{next(_numbers):06d}", wish)


async def book(db: Database, home: Family, held: Ticket, slots: Sequence[int], *, key: str = "") -> list[Ticket]:
    """Book for the first people of the family, as a page does."""
    wish = command(home, held, slots)

    async def work() -> list[Ticket]:
        async with db.transaction() as session:
            return await together.book_together(
                session, wish, token=held.token, key=key_of(wish, key), asker=home.asker()
            )

    return await db.until_known(work)


async def keep(db: Database, home: Family, held: Ticket, number: int) -> list[int]:
    """Keep so many places; the slots of the proposal."""
    async with db.transaction() as session:
        kept = await together.hold_together(session, held.code, held.token, number, minutes=5, asker=home.asker())
        return [visit.slot_id for visit in kept]


async def cancel(db: Database, home: Family, ticket: Ticket) -> None:
    """Give a visit up."""
    asker = home.asker()
    async with db.transaction() as session:
        await service.cancel(session, ticket.code, ticket.token, CancelAppointment(), by=asker.by, now=asker.now)


async def move(db: Database, home: Family, ticket: Ticket, slot: int) -> None:
    """Another time for a visit."""
    asker = home.asker()
    async with db.transaction() as session:
        await service.reschedule(
            session, ticket.code, ticket.token, RescheduleAppointment(slot=slot), by=asker.by, now=asker.now,
            per_phone=home.caps.per_day, since=home.caps.since(asker.now),
        )  # fmt: skip
