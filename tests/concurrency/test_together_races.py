"""Families that book at once: whole ones or nobody, no place twice, no cap passed; and a commit whose answer is lost.

Each guard is taken away once, and the judge must then find what it guards against.
"""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col, select

from booking import clock
from booking.appointments import ahead, confirming, party, together
from booking.appointments.errors import AlreadyBooked
from booking.appointments.service import Ticket
from booking.availability.models import Slot
from booking.db import Database
from booking.errors import BookingError
from booking.patients.models import Account, Patient
from booking.patients.queries import ProfileView
from booking.patients.sessions import SignedIn
from tests import seeds
from tests.families import WIDE, Family, book, family, hold, keep
from tests.postgres import Cluster
from tests.races import HOLDING, NETS, judge_invariants, loose_database, until

pytestmark = pytest.mark.anyio
FAMILIES = 64
PLACES = 30


@asynccontextmanager
async def crowd(url: str, connections: int = FAMILIES) -> AsyncIterator[Database]:
    """A process of its own, with many connections."""
    database = Database(url, pool=connections)
    yield database
    await database.close()


async def _outcomes(asked: Sequence[Awaitable[Any]]) -> Counter[str]:
    """How the requests ended, all released together: by the name of the refusal, or `done`."""
    barrier = asyncio.Barrier(len(asked))

    async def one(work: Awaitable[Any]) -> str:
        await barrier.wait()
        try:
            await work
        except BookingError as refused:
            return refused.code
        return "done"

    return Counter(await asyncio.gather(*(one(work) for work in asked)))


async def _families(db: Database, number: int) -> list[Family]:
    return [await family(db, 1 + each, people_=3, caps=WIDE) for each in range(number)]


async def judge_whole(db: Database, *, places: int) -> int:
    """No family in part, no place twice, none beyond what there is; how many families got in."""
    parties = await seeds.rows(
        db, "SELECT party_id, count(*) AS people FROM appointment WHERE state = 'booked' GROUP BY party_id"
    )
    assert {row["people"] for row in parties} <= {3}, f"families in part: {parties}"
    taken = await seeds.value(db, f"SELECT count(*) FROM appointment WHERE state IN {HOLDING}")
    assert taken <= places, f"{taken} places of {places}"
    await judge_invariants(db)
    return len(parties)


async def _rush(db: Database, world: seeds.World, homes: Sequence[Family]) -> Counter[str]:
    """Every family keeps a place somewhere else, and then wants three of the same few at once."""
    kept = [await hold(db, world.slots[-1], home) for home in homes]
    wish = [world.slots[0], world.slots[0], world.slots[1]]
    return await _outcomes([book(db, home, held, wish) for home, held in zip(homes, kept, strict=True)])


async def test_64_families_for_few_places_get_in_whole_or_not_at_all(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[20, 10, FAMILIES])
    homes = await _families(db, FAMILIES)
    async with crowd(database_url) as many:
        outcomes = await _rush(many, world, homes)
    assert outcomes == {"done": 10, "slot_full": FAMILIES - 10}
    assert await judge_whole(db, places=PLACES + FAMILIES) == 10


async def test_families_that_keep_places_at_once_keep_all_they_need_or_the_one_they_had(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[20 + 11, 0, 5])
    homes = await _families(db, 20)
    kept = [await hold(db, world.slots[0], home) for home in homes]
    async with crowd(database_url) as many:
        outcomes = await _outcomes([keep(many, home, held, 3) for home, held in zip(homes, kept, strict=True)])
    assert outcomes == {"done": 8, "slot_full": 12}  # two more places each, of sixteen
    rows = await seeds.rows(
        db, "SELECT device, count(*) AS places FROM appointment WHERE state = 'held' GROUP BY device"
    )
    assert Counter(row["places"] for row in rows) == {3: 8, 1: 12}
    await judge_invariants(db)


async def test_control_with_a_commit_after_each_statement_half_a_family_is_left_behind(cluster: Cluster) -> None:
    async with loose_database(cluster) as (url, db):
        world = await seeds.seed(db, capacities=[20, 10, 12])
        homes = await _families(db, 12)
        async with crowd(url) as many:
            pieces = many.engine.execution_options(isolation_level="AUTOCOMMIT")
            many._sessions = async_sessionmaker(pieces, expire_on_commit=False)
            await _rush(many, world, homes)
        with pytest.raises(AssertionError, match=r"families in part|invariants broken"):
            await judge_whole(db, places=PLACES + 12)


async def test_control_who_does_not_ask_the_slot_sells_places_twice(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blind(session: AsyncSession, group: party.Party, slot_id: int) -> tuple[Slot, int]:
        slot = group.slots[slot_id]
        await session.execute(update(Slot).where(col(Slot.id) == slot_id).values(taken=col(Slot.taken) + 1))
        return slot, 1

    monkeypatch.setattr(party, "taken", blind)
    async with loose_database(cluster, *NETS) as (url, db):
        world = await seeds.seed(db, capacities=[6, 3, 12])
        homes = await _families(db, 12)
        async with crowd(url) as many:
            outcomes = await _rush(many, world, homes)
        assert outcomes["done"] == 12
        with pytest.raises(AssertionError, match="places of"):
            await judge_whole(db, places=9 + 12)


async def _of_one_number(db: Database) -> list[Family]:
    """Twenty browsers of one account, a person each."""
    home = await family(db, 1, people_=20, caps=WIDE)
    return [
        dataclasses.replace(home, people=[one], device=bytes([number]) * 32) for number, one in enumerate(home.people)
    ]


async def _of_one_browser(db: Database) -> list[Family]:
    """Twenty accounts in one browser."""
    homes = [await family(db, 1 + number, caps=WIDE) for number in range(20)]
    return [dataclasses.replace(home, device=bytes(32)) for home in homes]


async def _of_one_person(db: Database) -> list[Family]:
    """Twenty accounts that book for one person."""
    homes = [await family(db, 1 + number, caps=WIDE) for number in range(20)]
    first = homes[0].people[0].patient_id
    await seeds.run(db, "UPDATE profile SET patient_id = :first", first=first)
    return homes


CAPPED = {"phone": (_of_one_number, 10), "device": (_of_one_browser, 12), "profile": (_of_one_person, 4)}


async def _capped(db: Database, many: Database, kind: str) -> Counter[str]:
    """Twenty bookings at once, each of a slot of its own on a day of its own, where so many are allowed."""
    make, most = CAPPED[kind]
    world = await seeds.seed(db, capacities=[])
    morning = clock.at_local(world.day, time(7, 30))
    homes = await make(db)
    asked = []
    for number, home in enumerate(homes):
        slot = await seeds.add_slot(db, world, capacity=1, starts_at=morning + timedelta(days=number))
        # Kept by a browser of its own: two places at once are all that one may keep.
        held = await hold(db, slot, dataclasses.replace(home, device=bytes([100 + number]) * 32))
        asked.append(book(many, home.within(dataclasses.replace(WIDE, **{kind: most})), held, [slot]))
    return await _outcomes(asked)


@pytest.mark.parametrize("kind", list(CAPPED))
async def test_20_bookings_at_once_do_not_pass_the_cap(db: Database, database_url: str, kind: str) -> None:
    most = CAPPED[kind][1]
    async with crowd(database_url) as many:
        assert await _capped(db, many, kind) == {"done": most, "too_many_upcoming": 20 - most}
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == most


@pytest.mark.parametrize("kind", list(CAPPED))
async def test_control_without_the_locks_20_bookings_at_once_pass_the_cap(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    counted, all_counted = ahead.check, asyncio.Barrier(20)

    async def unlocked(session: AsyncSession, who: SignedIn, device: bytes | None) -> Account:  # noqa: ARG001
        return (await session.execute(select(Account).where(col(Account.id) == who.account_id))).scalar_one()

    async def no_locks(session: AsyncSession, people: Sequence[ProfileView]) -> dict[int, Patient]:
        found = await session.execute(select(Patient).where(col(Patient.id).in_([one.patient_id for one in people])))
        return {one.id: one for one in found.scalars() if one.id is not None}

    async def check(*everything: Any) -> None:
        await counted(*everything)
        await all_counted.wait()

    monkeypatch.setattr(party, "lock_account", unlocked)
    monkeypatch.setattr(together, "_patients", no_locks)
    monkeypatch.setattr(ahead, "check", check)
    async with crowd(database_url) as many:
        assert await _capped(db, many, kind) == {"done": 20}


async def _once(db: Database, tickets: Sequence[Ticket]) -> None:
    """The family is booked once, and these are its tickets."""
    codes = await seeds.rows(db, "SELECT code FROM appointment WHERE state = 'booked' ORDER BY id")
    assert sorted(ticket.code for ticket in tickets) == sorted(row["code"] for row in codes)
    assert len(tickets) == 2
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE kind = 'booked'") == 2
    await judge_invariants(db)


async def test_one_key_twenty_times_at_once_is_one_booking(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[5])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    async with crowd(database_url) as many:
        asked = (book(many, home, held, world.slots[:1] * 2, key="one-key-1") for _ in range(20))
        answers = await asyncio.gather(*asked)
    assert {tuple(ticket.code for ticket in tickets) for tickets in answers} == {tuple(t.code for t in answers[0])}
    await _once(db, answers[0])


def _cut(monkeypatch: pytest.MonkeyPatch, *, before: bool) -> list[str]:
    """The connection is lost at the first commit: before the server had it, or after it was done."""
    commit = AsyncSession.commit
    cuts: list[str] = []

    async def lost(session: AsyncSession) -> None:
        if cuts:
            await commit(session)
            return
        cuts.append("cut")
        if not before:
            await commit(session)
        raise ConnectionResetError

    monkeypatch.setattr(AsyncSession, "commit", lost)
    return cuts


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after the commit"])
async def test_a_connection_lost_at_commit_ends_with_one_booking_and_its_tickets(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    world = await seeds.seed(db, capacities=[5])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    cuts = _cut(monkeypatch, before=before)
    tickets = await book(db, home, held, world.slots[:1] * 2, key="cut-key-1")
    assert cuts == ["cut"]
    assert {ticket.replayed for ticket in tickets} == {not before}
    await _once(db, tickets)


async def test_control_without_the_key_a_lost_answer_is_told_as_a_refusal(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgot(*_: object) -> None:
        return None

    world = await seeds.seed(db, capacities=[5])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    _cut(monkeypatch, before=False)
    monkeypatch.setattr(confirming, "replayed", forgot)
    with pytest.raises(AlreadyBooked):
        await book(db, home, held, world.slots[:1] * 2, key="cut-key-2")


async def test_a_server_process_ended_while_it_waits_for_the_slot_changes_nothing_and_the_repeat_books(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[5])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    waiting = "wait_event_type = 'Lock' AND datname = current_database()"
    async with crowd(database_url, 2) as other:
        async with db.transaction() as session:
            await session.execute(text("SELECT FROM slot FOR UPDATE"))
            asked = asyncio.ensure_future(book(other, home, held, world.slots[:1] * 2))
            await until(db, f"SELECT count(*) > 0 FROM pg_stat_activity WHERE {waiting}")
            await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}"))
        await _once(db, await asked)
