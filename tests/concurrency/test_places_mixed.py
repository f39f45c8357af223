"""Bookings, holds that expire, cancels and moves on the same slots at once: when all is quiet, the counts are right."""

import pytest

from booking.db import Database
from tests import people, seeds
from tests.races import BOOK, FULL, HOLD, book, judge_invariants, opens, quiet, rush, stored
from tests.seeds import World
from tests.servers import Answer, Caller, Server, at_once, servers

pytestmark = pytest.mark.anyio
ROUNDS = 12 if FULL else 3
PLACES = 6


class Round:
    """One round: three slots full of visits and holds, then everything at once."""

    def __init__(self, world: World, slots: list[int], two: list[Server], turn: int) -> None:
        self.world, self.slots, self.two, self.turn = world, slots, two, turn
        self.visits: dict[int, list[Answer]] = {slot: [] for slot in slots}
        self.ready: list[Caller] = []
        self.meant: list[tuple[str, int, int]] = []

    async def fill(self) -> None:
        """Four visits and two holds in each slot."""
        for at, slot in enumerate(self.slots):
            for number in range(4):
                key = f"first-{slot}-{number}"
                answer = await book(
                    self.two[number % 2], self.world, slot, 700 + 10 * at + number + 100 * self.turn, key
                )
                assert answer.status == 201, answer.body
                self.visits[slot].append(answer)
            for number in range(2):
                headers = {"Idempotency-Key": f"hold-{slot}-{number}", "Henkham-Device": f"device-{slot}-{number}"}
                assert (await self.two[0].ask("POST", HOLD, self.world.hold(slot), headers)).status == 201

    async def add(self, kind: str, source: int, target: int, path: str, body: object, headers: dict[str, str]) -> None:
        """One more request to be released; which slot it frees (or 0) and takes (or 0)."""
        server = self.two[len(self.ready) % 2]
        self.ready.append(await server.caller("POST", path, body, headers))
        self.meant.append((kind, source, target))

    async def plan(self) -> None:
        """In each slot: two cancels, one move to the next slot, 14 bookings and two holds by others."""
        for at, slot in enumerate(self.slots):
            target = self.slots[(at + 1) % len(self.slots)]
            for visit in self.visits[slot][:2]:
                await self.add("cancel", slot, 0, f"{BOOK}/{visit.json['code']}/cancel", None, opens(visit))
            moved = self.visits[slot][2]
            path = f"{BOOK}/{moved.json['code']}/reschedule"
            await self.add("move", slot, target, path, {"slot": target}, opens(moved))
            for number in range(14):
                person = people.patient(100_000 + 1000 * self.turn + 100 * at + number)
                headers = {"Idempotency-Key": f"more-{slot}-{number}"}
                await self.add("book", 0, slot, BOOK, self.world.booking(slot, person), headers)
            for number in range(2):
                headers = {"Idempotency-Key": f"late-{slot}-{number}", "Henkham-Device": f"late-{slot}-{number}"}
                await self.add("hold", 0, slot, HOLD, self.world.hold(slot), headers)

    async def judge(self, db: Database, answers: list[Answer]) -> None:
        """Each slot holds what it held, less what was freed, plus what was promised; nothing else, and nothing lost."""
        assert {answer.status for answer in answers} <= {200, 201, 409}, [a.body for a in answers if a.status > 409]
        taken = dict.fromkeys(self.slots, 4)  # the two holds have expired; they count once swept
        for (kind, source, target), answer in zip(self.meant, answers, strict=True):
            if answer.status == 409:
                assert kind != "cancel", answer.body
                continue
            if source:
                taken[source] -= 1
            if target:
                taken[target] += 1
        for slot in self.slots:
            expired = await seeds.value(
                db,
                "SELECT count(*) FROM appointment WHERE slot_id = :s AND state = 'held' AND expires_at < now()",
                s=slot,
            )
            assert await stored(db, slot) - expired == taken[slot], f"slot {slot}"
        await judge_invariants(db)

    async def fill_up(self, db: Database) -> None:
        """What is left can be booked to the last place, and not one more."""
        for at, slot in enumerate(self.slots):
            late = await rush(self.two, self.world, slot, start=200_000 + 1000 * self.turn + 100 * at, callers=12)
            assert await stored(db, slot) == PLACES
            assert {answer.status for answer in late} <= {201, 409}


async def test_everything_at_once_and_the_counts_are_right_when_all_is_quiet(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    async with servers(database_url, 2) as two:
        for turn in range(ROUNDS):
            slots = [await seeds.add_slot(db, world, capacity=PLACES) for _ in range(3)]
            this = Round(world, slots, two, turn)
            await this.fill()
            await seeds.age_holds(db)
            await this.plan()
            answers = await at_once(this.ready)
            await quiet(db)
            await this.judge(db, answers)
            await this.fill_up(db)


async def test_control_a_place_that_leaks_is_seen(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[PLACES])
    async with servers(database_url, 1) as (server,):
        visit = await book(server, world, world.slots[0], 1, "leaking-key")
    await seeds.run(db, "UPDATE appointment SET state = 'cancelled', cancelled_at = now()")  # without freeing the place
    with pytest.raises(AssertionError, match="taken_counts_what_holds_a_place"):
        await judge_invariants(db)
    assert visit.status == 201
    await seeds.run(db, "UPDATE appointment SET state = 'booked', cancelled_at = NULL")


async def test_a_move_and_its_way_back_at_once_end_without_a_deadlock(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[1, 1, 1, 1])
    async with servers(database_url, 2, HENKHAM_LIMIT_PHONE_PER_DAY="1000000") as two:
        first = await book(two[0], world, world.slots[0], 1, "to-and-fro-1")
        second = await book(two[0], world, world.slots[1], 2, "to-and-fro-2")
        for _ in range(ROUNDS):
            ready = []
            for number in range(16):
                visit, slot = (first, second)[number % 2], world.slots[(number // 2) % 4]
                path = f"{BOOK}/{visit.json['code']}/reschedule"
                ready.append(await two[number % 2].caller("POST", path, {"slot": slot}, opens(visit)))
            answers = await at_once(ready)
            assert {answer.status for answer in answers} <= {200, 409}, [a.body for a in answers]
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 2
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await seeds.value(db, deadlocks) == 0
