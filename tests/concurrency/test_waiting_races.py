"""Those who wait against those who book, the clock and each other: one live offer a place and a person, and no more.

The use cases are called from many connections at once; the 64 callers are real requests to two server processes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist import answering, ending, rules, sweeping
from booking.appointments.waitlist.answering import _Held
from booking.appointments.waitlist.errors import OfferOver
from booking.appointments.waitlist.kinds import OfferState
from booking.availability.models import Slot
from booking.clock import utc_now
from booking.db import Database
from booking.directory.models import Facility, Service
from booking.errors import BookingError
from scheduler.jobs import make_offers
from tests import people, seeds
from tests.postgres import Cluster
from tests.races import BOOK, FULL, NETS, judge_invariants, loose_database, quiet
from tests.seeds import World
from tests.servers import Answer, Caller, at_once, servers
from tests.waiters import CAPS, offers_of, run_out, visit_in, waits

pytestmark = pytest.mark.anyio
ROUNDS = 12 if FULL else 3
PLACES, SLOTS, WAITING = 3, 4, 16
FREED = PLACES * SLOTS
BY = Actor(ActorKind.ANYONE)
PERSON_NETS = (*NETS, "DROP INDEX offer_entry_key", "DROP INDEX appointment_day_key")


@pytest.fixture(autouse=True)
def _daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)


async def full_slots(db: Database, world: World, *, waiting: int) -> list[dict[str, Any]]:
    """Slots full of visits, and so many who wait; the visits."""
    slots = [await seeds.add_slot(db, world, capacity=PLACES) for _ in range(SLOTS)]
    found = [await visit_in(db, slot, 700 + PLACES * at + n) for at, slot in enumerate(slots) for n in range(PLACES)]
    for number in range(1, waiting + 1):
        await waits(db, world, number)
    return found


async def rush(db: Database, url: str, world: World, *, variant: str) -> list[Answer]:
    """All visits are cancelled while others ask for their places and two schedulers look for free ones: 64 at once."""
    visits = await full_slots(db, world, waiting=WAITING)
    async with servers(url, 2, variant=variant) as two:
        ready: list[Caller] = []
        for at, visit in enumerate(visits):
            headers = {"Authorization": f"Bearer {visit['token']}"}
            ready.append(await two[at % 2].caller("POST", f"{BOOK}/{visit['code']}/cancel", None, headers))
        for number in range(64 - len(visits)):
            body = world.booking(world.slots[number % SLOTS], people.patient(5000 + number))
            headers = {"Idempotency-Key": f"against-{number:04d}"}
            ready.append(await two[number % 2].caller("POST", BOOK, body, headers))
        answers, *_ = await asyncio.gather(at_once(ready), make_offers.run(db), make_offers.run(db))
    await quiet(db)
    return answers


async def judge_rush(db: Database, answers: list[Answer]) -> None:
    """Each place went to those who had waited longest, once; nobody got past them, and nothing was oversold."""
    assert {answer.status for answer in answers[:FREED]} == {200}
    assert {answer.status for answer in answers[FREED:]} == {409}, "somebody got past those who wait"
    live = [one for one in await offers_of(db) if one["state"] == "live"]
    assert len({one["entry"] for one in live}) == len(live) == FREED, "one person, two places"
    longest = await seeds.rows(db, f"SELECT public_id FROM waitlist_entry ORDER BY id LIMIT {FREED}")
    assert {one["entry"] for one in live} == {row["public_id"] for row in longest}
    await judge_invariants(db)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await seeds.value(db, deadlocks) == 0


async def test_freed_places_go_to_those_who_wait_whoever_else_asks(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    answers = await rush(db, database_url, world, variant="daytime")
    await judge_rush(db, answers)


async def test_control_without_the_lock_of_the_entry_one_person_is_told_of_several_places(cluster: Cluster) -> None:
    async with loose_database(cluster, *PERSON_NETS) as (url, db):
        world = await seeds.seed(db, capacities=[])
        answers = await rush(db, url, world, variant="unlocked_entries")
        with pytest.raises(AssertionError, match="one person, two places"):
            await judge_rush(db, answers)


@asynccontextmanager
async def two_schedulers(url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' worth of connections."""
    pair = Database(url, pool=6), Database(url, pool=6)
    yield pair
    for one in pair:
        await one.close()


async def all_lapse(db: Database, url: str, world: World) -> None:
    """Places are offered, nobody answers, and both schedulers find that at once, twice each."""
    for number in range(1, 9):
        await waits(db, world, number)
    for _ in range(4):
        await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'")
    await run_out(db)
    async with two_schedulers(url) as (first, second):
        await asyncio.gather(*(make_offers.run(one) for one in (first, second, first, second)))


async def judge_lapsed(db: Database) -> None:
    """Each offer ended once, and each place went to the next one."""
    found = await offers_of(db)
    assert [one["state"] for one in found] == ["lapsed"] * 4 + ["live"] * 4, [one["state"] for one in found]
    ended = await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'appointment.offer_lapsed'")
    assert ended == 4, f"{ended} ends of 4 offers"
    await judge_invariants(db)


async def test_two_schedulers_end_each_offer_once(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    await all_lapse(db, database_url, world)
    await judge_lapsed(db)


async def test_control_schedulers_that_lock_nothing_pass_one_place_on_twice(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "lapse", _lapse_without_locks)
    async with loose_database(cluster, *PERSON_NETS) as (url, db):
        world = await seeds.seed(db, capacities=[])
        await all_lapse(db, url, world)
        with pytest.raises(AssertionError):
            await judge_lapsed(db)


async def _lapse_without_locks(session: AsyncSession, slot_id: int, *, now: datetime) -> int:
    """As it is often written: look which offers are over, think a moment, end them."""
    slot = (await session.execute(select(Slot).where(col(Slot.id) == slot_id))).scalar_one()
    service = (await session.execute(select(Service).where(col(Service.id) == slot.service_id))).scalar_one()
    facility = (await session.execute(select(Facility).where(col(Facility.id) == slot.facility_id))).scalar_one()
    held = select(Appointment).where(
        col(Appointment.slot_id) == slot_id, col(Appointment.state) == AppointmentState.HELD
    )
    found = list((await session.execute(held)).scalars())
    await asyncio.sleep(0.1)
    for visit in found:
        await ending.end(session, slot, service, facility, visit, OfferState.LAPSED, now=now)
    return len(found)


async def answered(db: Database, offer: dict[str, Any]) -> BookingError | None:
    """Take the place; why not, where it was too late."""
    try:
        async with db.transaction() as session:
            await answering.accept(session, offer["code"], offer["token"], by=BY, now=utc_now(), caps=CAPS)
    except BookingError as refused:
        return refused
    return None


async def judge_moment(db: Database, slot: int, told: list[BookingError | None]) -> None:
    """The place is booked by the first or kept for the second: never both, and the answers say which."""
    first, *rest = [one for one in await offers_of(db) if one["slot_id"] == slot]
    booked = first["state"] == "accepted"
    assert booked == (first["visit"] == "booked")
    assert [one["state"] for one in rest] == ([] if booked else ["live"]), (first["state"], rest)
    assert {type(one) for one in told} == ({type(None)} if booked else {OfferOver})
    await judge_invariants(db)


async def test_taken_at_the_moment_it_lapses_it_is_booked_or_passed_on_and_never_both(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[])
    async with two_schedulers(database_url) as (first, second):
        for turn in range(ROUNDS * 2):
            slot = await seeds.add_slot(db, world, capacity=1)
            for number in (2 * turn + 1, 2 * turn + 2):
                await waits(db, world, number)
            await make_offers.run(db)
            await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'")
            offer = next(one for one in await offers_of(db) if one["slot_id"] == slot)
            await _ends_in(db, slot, 4.0 * turn)
            lapse = [_lapses(one, slot) for one in (first, second)]
            told = await asyncio.gather(*(answered(db, offer) for _ in range(3)), *lapse)
            await judge_moment(db, slot, told[:3])
            await seeds.run(db, "UPDATE waitlist_entry SET state = 'left', ended_at = now() WHERE state = 'waiting'")


async def _ends_in(db: Database, slot: int, ms: float) -> None:
    """The offer of the slot ends so many milliseconds from now."""
    await seeds.run(
        db, "WITH o AS (UPDATE offer SET expires_at = clock_timestamp() + :ms * interval '1 ms' "
        "WHERE state = 'live' AND slot_id = :slot RETURNING appointment_id, expires_at) "
        "UPDATE appointment SET expires_at = o.expires_at FROM o WHERE o.appointment_id = appointment.id",
        ms=ms, slot=slot,
    )  # fmt: skip


async def _lapses(db: Database, slot: int) -> None:
    """The job, until the offer has ended one way or the other."""
    while (
        await seeds.value(
            db, "SELECT count(*) FROM offer WHERE slot_id = :slot AND state IN ('accepted', 'lapsed')", slot=slot
        )
        == 0
    ):
        await make_offers.run(db)


async def test_control_who_judges_before_the_lock_books_what_was_passed_on(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loose_database(cluster, *PERSON_NETS) as (_, db):
        world = await seeds.seed(db, capacities=[])
        slot = await seeds.add_slot(db, world, capacity=1)
        for number in (1, 2):
            await waits(db, world, number)
        await make_offers.run(db)
        await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'")
        (offer,) = await offers_of(db)

        async def judged_before(session: Any, code: str, token: str) -> _Held:
            held = await locked(session, code, token)
            session.expunge_all()
            await session.rollback()  # and with it the locks
            await run_out(db)
            await make_offers.run(db)
            for one in (held.visit, held.slot, held.service, held.facility):
                session.add(one)
            return held

        locked = answering._locked
        monkeypatch.setattr(answering, "_locked", judged_before)
        told = await answered(db, offer)
        with pytest.raises(AssertionError):
            await judge_moment(db, slot, [told])


async def test_nobody_is_told_of_a_place_that_is_gone(db: Database) -> None:
    """Free places are looked for without a lock: what was booked meanwhile is left alone."""
    world = await seeds.seed(db, capacities=[1])
    await waits(db, world, 1)
    async with db.transaction() as session:
        found = await sweeping.slots_to_offer(session, now=utc_now())
    assert found == world.slots
    await visit_in(db, world.slots[0], 901)
    async with db.transaction() as session:
        assert await sweeping.offer(session, world.slots[0], now=utc_now()) == 0
    assert await offers_of(db) == []
