"""Accounts and their people under locks: offers taken at once, a number's one account, an account that ends meanwhile.

Each guard is taken away once, and the same judge then finds what it guards against.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor, ActorKind
from booking.appointments import ahead
from booking.appointments.errors import TooManyUpcoming
from booking.appointments.waitlist import answering, rules
from booking.clock import utc_now
from booking.db import Database
from booking.patients import numbers, sessions
from booking.patients.models import Account, Patient, Profile
from booking.patients.rules import read_phone
from booking.sealed import keys
from booking.settings import Settings
from scheduler.jobs import make_offers
from tests import households, people, seeds, waiters
from tests.postgres import Cluster
from tests.races import loose_database, until
from tests.seeds import OTHER_SERVICE
from tests.waiters import CAPS, offers_of, waits

pytestmark = pytest.mark.anyio
AT_ONCE = 8
BY = Actor(ActorKind.ANYONE)
PHONE = read_phone(people.phone(1))
WAITING = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
AccountOf = Callable[..., Awaitable[tuple[Account, bool]]]


@pytest.fixture(autouse=True)
def _daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)


@pytest.fixture
async def wide(settings: Settings) -> AsyncIterator[Database]:
    """A database with a connection for everybody."""
    made = Database(settings.database_url, pool=AT_ONCE + 2)
    yield made
    await made.close()


async def _nothing(*_: Any, **__: Any) -> None:
    pass


async def _two_offers(db: Database, kind: str) -> list[dict[str, Any]]:
    """Two live offers: to two people of one browser, or to one person whom two accounts wait for."""
    world = await seeds.seed(db, capacities=[1])
    await waits(db, world, 1)
    if kind == "device":
        await waits(db, world, 2)
        await seeds.add_slot(db, world, capacity=1)
    else:
        father, hers = await waiters.person(db, 2)
        await seeds.run(db, "UPDATE profile SET patient_id = (SELECT min(id) FROM patient)")
        await seeds.run(db, "UPDATE slot SET free_places = '{}', taken = capacity WHERE id = :id", id=world.slots[0])
        await waiters.join(db, father, waiters.wish(world, hers, service=OTHER_SERVICE))
        await seeds.run(
            db, "UPDATE slot SET free_places = '{1}', taken = 0, capacity = 1 WHERE id IN (:one, :other)",
            one=world.slots[0], other=world.other_slot,
        )  # fmt: skip
    await make_offers.run(db)
    found = await offers_of(db)
    assert [one["state"] for one in found] == ["live", "live"]
    return found


async def _taken(db: Database, offers: list[dict[str, Any]], kind: str) -> int:
    """Both are taken at once where one visit may lie ahead; how many got through."""
    caps, device = replace(CAPS, **{kind: 1}), bytes(32) if kind == "device" else None

    async def one(offer: dict[str, Any]) -> bool:
        try:
            async with db.transaction() as session:
                await answering.accept(
                    session, offer["code"], offer["token"], by=BY, now=utc_now(), caps=caps, device=device
                )
        except TooManyUpcoming:
            return False
        return True

    return sum(await asyncio.gather(*(one(offer) for offer in offers)))


@pytest.mark.parametrize("kind", ["device", "profile"])
@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "without the lock"])
async def test_two_offers_taken_at_once_do_not_pass_a_cap(
    wide: Database, monkeypatch: pytest.MonkeyPatch, kind: str, *, guarded: bool
) -> None:
    offers = await _two_offers(wide, kind)
    if not guarded:
        counted, both = ahead.check_room, asyncio.Barrier(2)

        async def all_have_counted(*values: Any, **more: Any) -> None:
            await counted(*values, **more)
            await both.wait()

        monkeypatch.setattr(answering, "lock_browser" if kind == "device" else "_lock_person", _nothing)
        monkeypatch.setattr(ahead, "check_room", all_have_counted)
    assert (await _taken(wide, offers, kind) == 1) is guarded


def _looked_for_first(everybody: int) -> AccountOf:
    """As it is often written: look for the account, make one where there is none."""
    all_looked = asyncio.Barrier(everybody)

    async def account_of(session: AsyncSession, phone: str, *, by: Actor, now: Any) -> tuple[Account, bool]:  # noqa: ARG001
        index = keys().index("phone", phone)
        query = select(Account).where(col(Account.phone_index) == index, col(Account.ended_at).is_(None))
        found = (await session.execute(query)).scalars().first()
        await all_looked.wait()
        if found is not None:
            return found, False
        made = Account(public_id=ids.public_id(), phone=phone, phone_index=index, created_at=now, seen_at=now)
        session.add(made)
        await session.flush()
        return made, True

    return account_of


async def _all_sign_in(db: Database, account_of: AccountOf) -> int:
    """Several browsers of one new number; how many accounts it has afterwards."""

    async def one() -> None:
        async with db.transaction() as session:
            await account_of(session, PHONE.e164, by=BY, now=utc_now())

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    found: int = await seeds.value(db, "SELECT count(*) FROM account")
    return found


async def test_a_new_number_has_one_account_however_many_sign_in(wide: Database) -> None:
    assert await _all_sign_in(wide, sessions.account_of) == 1


async def test_control_who_looks_first_makes_an_account_each(cluster: Cluster) -> None:
    async with loose_database(cluster, "DROP INDEX account_phone_key") as (url, _):
        many = Database(url, pool=AT_ONCE)
        assert await _all_sign_in(many, _looked_for_first(AT_ONCE)) == AT_ONCE
        await many.close()


async def _signs_in_while_it_ends(db: Database, account_of: AccountOf) -> tuple[int, int]:
    """The account ends in one transaction, unseen, while another signs in; the ended and the one she is let into."""
    old = await households.account(db, people.phone(1))

    async def sign_in() -> int:
        async with db.transaction() as session:
            account, _ = await account_of(session, PHONE.e164, by=BY, now=utc_now())
            assert account.id is not None
            return account.id

    async with db.transaction() as session:
        await session.execute(update(Account).values(ended_at=utc_now()))
        hers = asyncio.create_task(sign_in())
        await until(db, WAITING)
    return old, await hers


async def test_who_signs_in_while_the_account_ends_gets_the_next_one(wide: Database) -> None:
    old, hers = await _signs_in_while_it_ends(wide, sessions.account_of)
    assert hers != old
    assert await seeds.value(wide, "SELECT count(*) FROM account WHERE ended_at IS NULL") == 1


async def test_control_who_looks_once_is_let_into_nothing_or_into_what_ended(wide: Database) -> None:
    async def once(session: AsyncSession, phone: str, *, by: Actor, now: Any) -> tuple[Account, bool]:  # noqa: ARG001
        index = keys().index("phone", phone)
        query = select(Account).where(col(Account.phone_index) == index, col(Account.ended_at).is_(None))
        found = (await session.execute(query)).scalar_one()
        await session.execute(select(Account).where(col(Account.id) == found.id).with_for_update())
        return found, False

    old, hers = await _signs_in_while_it_ends(wide, once)
    assert hers == old, "she is signed in to the account of whoever had the number before"


async def _disowned_while_taken_off(db: Database, disown: Callable[[AsyncSession, int, UUID], Awaitable[None]]) -> None:
    """Somebody says “not me” while the account changes the same person: it locks the entry, then the person."""
    home = await households.account(db, people.phone(1))
    hers = await households.add(db, home, people.name(1))

    async def not_me() -> None:
        async with db.transaction() as session:
            await disown(session, hers.patient_id, ids.public_id())

    async with db.transaction() as session:
        await session.execute(select(Profile).where(col(Profile.public_id) == hers.id).with_for_update())
        other = asyncio.create_task(not_me())
        await until(db, WAITING)
        await session.execute(select(Patient).where(col(Patient.id) == hers.patient_id).with_for_update())
    await other


async def test_a_number_is_called_wrong_in_the_order_of_locks_of_everybody_else(wide: Database) -> None:
    async def disown(session: AsyncSession, patient: int, visit: UUID) -> None:
        await numbers.disown(session, patient, PHONE.e164, visit=visit, by=BY, now=utc_now())

    await _disowned_while_taken_off(wide, disown)
    assert await seeds.value(wide, "SELECT count(*) FROM patient WHERE wrong_number_at IS NOT NULL") == 1


async def test_control_the_person_before_the_entry_is_a_deadlock(wide: Database) -> None:
    async def disown(session: AsyncSession, patient: int, visit: UUID) -> None:
        await session.execute(select(Patient).where(col(Patient.id) == patient).with_for_update())
        await numbers.disown(session, patient, PHONE.e164, visit=visit, by=BY, now=utc_now())

    with pytest.raises(DBAPIError, match="deadlock"):
        await _disowned_while_taken_off(wide, disown)
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.done()]
    await asyncio.gather(*(task for task in tasks if "not_me" in repr(task)), return_exceptions=True)
