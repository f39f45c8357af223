"""People on the waiting list, made through the use cases; a number keeps them apart.

    home = await waits(db, world, 1)                 # account, person, consent, entry for the world's service and day
    offers = await offers_of(db)                     # every offer there is, in order

Tests say what time it is to the use cases, because nobody is told at night: DAY is noon, NIGHT is 23:00, of today.
"""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import text

from booking import clock
from booking.appointments.caps import Caps
from booking.appointments.waitlist import service
from booking.appointments.waitlist.commands import JoinWaitingList
from booking.db import Database
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from booking.patients.queries import ProfileView
from booking.sealed import keys
from tests import households, people, seeds
from tests.seeds import FACILITY, SERVICE, World


def noon() -> datetime:
    """Noon of today: people may be told."""
    return clock.at_local(clock.local_day(clock.utc_now()), time(12))


def night() -> datetime:
    """23:00 of today: nobody is told."""
    return clock.at_local(clock.local_day(clock.utc_now()), time(23))


CAPS = Caps(per_day=12, phone=10, profile=4, device=12, given_up_minutes=0, party=6)
"""How many visits may lie ahead."""


@dataclass(frozen=True)
class Waiter:
    """Somebody on the list: whose account, who she is, her entry's public id."""

    account: int
    who: ProfileView
    entry: UUID


async def agreed(db: Database, account: int, who: ProfileView, *, sms: bool = True) -> None:
    """Her answers to both questions."""
    answers = {ConsentPurpose.BOOKING: True, ConsentPurpose.SMS: sms}
    async with db.transaction() as session:
        await consents.give(
            session, who.patient_id, answers, account_id=account, language="vi", channel="mobile",
            by=households.actor(account), now=clock.utc_now(),
        )  # fmt: skip


def wish(world: World, who: ProfileView, **more: Any) -> JoinWaitingList:
    """The command that waits for a place on the world's day."""
    usual: dict[str, Any] = {
        "profile": who.id, "service": SERVICE, "facilities": (FACILITY,), "day_from": world.day, "day_to": world.day,
    }  # fmt: skip
    return JoinWaitingList(**usual | more)


async def person(db: Database, number: int, *, sms: bool = True) -> tuple[int, ProfileView]:
    """An account of one person who agreed."""
    account = await households.account(db, people.phone(number))
    who = await households.add(db, account, people.name(number), year=1950 + number % 50)
    await agreed(db, account, who, sms=sms)
    return account, who


async def waits(db: Database, world: World, number: int, **more: Any) -> Waiter:
    """The sample person of that number is on the list; `more` replaces members of the command."""
    account, who = await person(db, number)
    return Waiter(account, who, await join(db, account, wish(world, who, **more)))


async def join(db: Database, account: int, command: JoinWaitingList, *, most: int = 5) -> UUID:
    """Join, as the page does."""
    async with db.transaction() as session:
        return await service.join(
            session, account, command, by=households.actor(account), now=clock.utc_now(), most=most
        )


async def offers_of(db: Database) -> list[dict[str, Any]]:
    """Every offer: its state, whose entry, which slot and held place, the link's code and token."""
    found = await seeds.rows(
        db, "SELECT offer.state::text, offer.slot_id, entry.public_id AS entry, visit.code, visit.public_id, "
        "visit.state::text AS visit, visit.token_version, entry.state::text AS stands "
        "FROM offer JOIN waitlist_entry AS entry ON entry.id = offer.entry_id "
        "JOIN appointment AS visit ON visit.id = offer.appointment_id ORDER BY offer.id",
    )  # fmt: skip
    return [row | {"token": keys().link_token(str(row["public_id"]), row["token_version"])} for row in found]


async def run_out(db: Database) -> None:
    """The time of every live offer is over, by the database's clock."""
    async with db.transaction() as session:
        await session.execute(text("UPDATE offer SET expires_at = now() - interval '1 second' WHERE state = 'live'"))
        await session.execute(
            text("UPDATE appointment SET expires_at = o.expires_at FROM offer o "
                 "WHERE o.appointment_id = appointment.id AND o.state = 'live'")
        )  # fmt: skip


async def visit_in(db: Database, slot: int, number: int = 900) -> dict[str, Any]:
    """A visit of somebody else, booked past the code under test; its code and token."""
    account, who = await person(db, number)
    await seeds.run(
        db, "INSERT INTO appointment (public_id, code, state, slot_id, place, uses_reserved, facility_id, service_id, "
        "patient_id, relation, starts_at, ends_at, version, token_version, language, channel, created_at, booked_at, "
        "account_id) SELECT gen_random_uuid(), :code, 'booked', s.id, s.free_places[1], false, s.facility_id, "
        "s.service_id, :patient, 'self', s.starts_at, s.ends_at, 1, 1, 'vi', 'mobile', now(), now(), :account "
        "FROM slot s WHERE s.id = :slot",
        slot=slot, patient=who.patient_id, account=account, code=f"VISIT{number:03d}",
    )  # fmt: skip
    await seeds.run(db, "UPDATE slot SET taken = taken + 1, free_places = free_places[2:] WHERE id = :slot", slot=slot)
    found = await seeds.rows(db, "SELECT public_id FROM appointment WHERE code = :c", c=f"VISIT{number:03d}")
    public_id = str(found[0]["public_id"])
    # What the invariants ask of a visit: it was told of, and the audit knows it.
    await seeds.run(
        db, "INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, language, facts, "
        "state, due_at, useful_until, called_back, attempts, sends, created_at, changed_at) VALUES "
        "(gen_random_uuid(), 'appointment', :id, 'booked', 1, 0, 'visit', 'vi', '{}', 'suppressed', now(), now(), "
        "false, 0, 0, now(), now())", id=found[0]["public_id"],
    )  # fmt: skip
    await seeds.run(
        db, "INSERT INTO audit_event (at, actor_kind, action, object_kind, object_id, result, facts) VALUES "
        "(now(), 'anyone', 'appointment.book', 'appointment', :id, 'done', '{}')", id=public_id,
    )  # fmt: skip
    return {"code": f"VISIT{number:03d}", "token": keys().link_token(public_id, 1), "slot": slot}
