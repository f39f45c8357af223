"""The last places of a slot, asked for by 64 people in the same moment through two server processes."""

import pytest

from booking.db import Database
from tests import seeds
from tests.postgres import Cluster
from tests.races import FULL, NETS, judge_places, loose_database, rush, stored
from tests.seeds import World
from tests.servers import Server, servers

pytestmark = pytest.mark.anyio
ROUNDS = 20 if FULL else 4


@pytest.mark.parametrize("places", [5, 1])
async def test_the_last_places_go_to_exactly_as_many_people(db: Database, database_url: str, places: int) -> None:
    world = await seeds.seed(db, capacities=[])
    async with servers(database_url, 2) as two:
        for turn in range(ROUNDS):
            slot = await seeds.add_slot(db, world, capacity=places)
            answers = await rush(two, world, slot, start=1 + 64 * turn)
            await judge_places(db, slot, answers, places=places, servers=two)


async def test_the_last_places_of_a_larger_slot(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[40])
    async with servers(database_url, 2) as two:
        await rush(two, world, world.slots[0], start=1, callers=35)
        answers = await rush(two, world, world.slots[0], start=100)
        promised = [answer for answer in answers if answer.status == 201]
        assert len(promised) == 5
        assert {answer.status for answer in answers} == {201, 409}
        assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=world.slots[0]) == 40


async def test_places_kept_by_expired_holds_go_to_exactly_as_many_people(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    async with servers(database_url, 2) as two:
        for turn in range(ROUNDS):
            slot = await _slot_of_expired_holds(db, world, two)
            answers = await rush(two, world, slot, start=1 + 64 * turn)
            await judge_places(db, slot, answers, places=5, servers=two)


async def test_nobody_is_refused_while_places_of_expired_holds_are_free(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    async with servers(database_url, 2) as two:
        for turn in range(ROUNDS):
            slot = await _slot_of_expired_holds(db, world, two)
            answers = await rush(two, world, slot, start=1 + 5 * turn, callers=5)
            await judge_places(db, slot, answers, places=5, servers=two)


async def test_control_who_does_not_look_again_refuses_people_while_places_are_free(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[])
    async with servers(database_url, 2, variant="no_second_look") as two:
        slot = await _slot_of_expired_holds(db, world, two)
        answers = await rush(two, world, slot, start=1, callers=5)
        with pytest.raises(AssertionError, match="stored for 5 places"):
            await judge_places(db, slot, answers, places=5, servers=two)


@pytest.mark.parametrize("variant", ["no_guard", "read_then_write"])
async def test_control_without_the_guard_the_same_judge_finds_overbooking(cluster: Cluster, variant: str) -> None:
    async with loose_database(cluster, *NETS) as (url, db):
        world = await seeds.seed(db, capacities=[5])
        async with servers(url, 2, variant=variant) as two:
            answers = await rush(two, world, world.slots[0], start=1)
            with pytest.raises(AssertionError, match="stored for 5 places"):
                await judge_places(db, world.slots[0], answers, places=5, servers=two)
        assert len([answer for answer in answers if answer.status == 201]) > 5


async def test_without_the_guard_the_safety_nets_still_sell_no_place_twice(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[5])
    async with servers(database_url, 2, variant="nets_only") as two:
        answers = await rush(two, world, world.slots[0], start=1)
    assert await stored(db, world.slots[0]) == 5
    assert {answer.status for answer in answers} == {201, 500}  # unfriendly, but nobody is promised what is not there


async def _slot_of_expired_holds(db: Database, world: World, two: list[Server]) -> int:
    slot = await seeds.add_slot(db, world, capacity=5)
    for number in range(5):
        headers = {"Idempotency-Key": f"hold-{slot}-{number}", "Henkham-Device": f"device-{slot}-{number}"}
        assert (await two[0].ask("POST", "/api/v1/holds", world.hold(slot), headers)).status == 201
    await seeds.age_holds(db)
    return slot
