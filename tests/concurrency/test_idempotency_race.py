"""One key sent fifty times at once: one appointment, fifty equal answers, one text."""

import pytest

from booking.db import Database
from tests import people, seeds
from tests.postgres import Cluster
from tests.races import BOOK, FULL, HOLD, loose_database, trace
from tests.seeds import World
from tests.servers import Answer, Server, at_once, servers

pytestmark = pytest.mark.anyio
TIMES = 50
ROUNDS = 20 if FULL else 3
EVERYTHING = "appointment, message, audit_event, idempotency_record, patient, rate_counter"


async def _sent(two: list[Server], world: World, slot: int, *, key: str, people_each: bool = False) -> list[Answer]:
    """The booking, fifty times at once; with a key and a person each, or one for all."""
    ready = []
    for number in range(TIMES):
        body = world.booking(slot, people.patient(number if people_each else 1))
        headers = {"Idempotency-Key": f"{key}-{number:04d}" if people_each else key}
        ready.append(await two[number % 2].caller("POST", BOOK, body, headers))
    return await at_once(ready)


async def judge_once(db: Database, answers: list[Answer], servers: list[Server]) -> None:
    """One appointment, one text, one audit event; every answer the same."""
    assert {answer.pid for answer in answers} == {server.pid for server in servers}
    assert {answer.status for answer in answers} == {201}, [answer.body for answer in answers if answer.status != 201]
    assert len({answer.body for answer in answers}) == 1, "different answers for one key"
    codes = await seeds.rows(db, "SELECT code FROM appointment")
    assert len(codes) == 1, f"{len(codes)} appointments for one key"
    assert (await trace(db, answers[0].json["code"]))["told"] == ["booked"]
    assert await seeds.value(db, "SELECT count(*) FROM message") == 1
    assert await seeds.value(db, "SELECT count(*) FROM audit_event") == 1
    assert await seeds.value(db, "SELECT sum(replays) FROM idempotency_record") == len(answers) - 1


async def test_one_key_fifty_times_is_one_booking(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[60])
    async with servers(database_url, 2) as two:
        for turn in range(ROUNDS):
            answers = await _sent(two, world, world.slots[0], key=f"one-key-{turn}")
            assert len([answer for answer in answers if "idempotent-replayed" not in answer.headers]) == 1
            await judge_once(db, answers, two)
            await seeds.run(db, "UPDATE slot SET taken = 0, free_places = array(SELECT generate_series(1, capacity))")
            await seeds.forget(db, EVERYTHING)


async def test_one_key_fifty_times_for_the_last_place_is_one_booking(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[1])
    async with servers(database_url, 2) as two:
        await judge_once(db, await _sent(two, world, world.slots[0], key="last-place"), two)


async def test_one_key_fifty_times_is_one_hold(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[60])
    async with servers(database_url, 2) as two:
        headers = {"Idempotency-Key": "one-hold", "Henkham-Device": "device-1"}
        ready = [await two[n % 2].caller("POST", HOLD, world.hold(world.slots[0]), headers) for n in range(TIMES)]
        answers = await at_once(ready)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=world.slots[0]) == 1


async def test_control_with_a_key_each_the_judge_counts_fifty(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[60])
    async with servers(database_url, 2) as two:
        answers = await _sent(two, world, world.slots[0], key="key", people_each=True)
        with pytest.raises(AssertionError, match="different answers"):
            await judge_once(db, answers, two)
    assert await seeds.value(db, "SELECT count(*) FROM appointment") == TIMES


async def test_control_without_the_key_s_constraint_one_key_books_many_times(cluster: Cluster) -> None:
    nets = (
        "ALTER TABLE idempotency_record DROP CONSTRAINT idempotency_record_pkey",
        "DROP INDEX appointment_day_key",
    )
    async with loose_database(cluster, *nets) as (url, db):
        world = await seeds.seed(db, capacities=[60])
        async with servers(url, 2) as two:
            answers = await _sent(two, world, world.slots[0], key="one-key-loose")
            with pytest.raises(AssertionError, match=r"different answers|appointments for one key"):
                await judge_once(db, answers, two)
        assert await seeds.value(db, "SELECT count(*) FROM appointment") > 1


async def test_the_same_key_for_another_booking_is_refused_while_the_first_is_under_way(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[5, 5])
    headers = {"Idempotency-Key": "two-bodies"}
    async with servers(database_url, 2) as two:
        bodies = [world.booking(world.slots[n % 2], people.patient(1 + n % 2)) for n in range(20)]
        answers = await at_once([await two[n % 2].caller("POST", BOOK, body, headers) for n, body in enumerate(bodies)])
    won = {answer.body for answer in answers if answer.status == 201}
    assert len(won) == 1
    assert {answer.json["code"] for answer in answers if answer.status != 201} == {"key_reused"}
    assert await seeds.value(db, "SELECT count(*) FROM appointment") == 1
