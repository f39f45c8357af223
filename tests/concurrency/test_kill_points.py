"""kill -9 of the server before and after each statement and each COMMIT: everything is there or nothing.

A request with X-Test-Kill: N ends its server at the Nth point it passes (tests/served.py). A dry run on another
appointment counts the points first. In the sample every fourth point and all those round a COMMIT are tried.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from booking.db import Database
from tests import people, seeds
from tests.postgres import Cluster
from tests.races import BOOK, FULL, HOLD, book, judge_invariants, loose_database, opens, quiet, trace, until
from tests.seeds import World
from tests.served import NEVER
from tests.servers import Answer, Nursery, Server, nursery

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Case:
    """One request that changes something.

    Attributes:
        ask: sends it to a server; the same again is a repeat.
        before: what the database holds of it when nothing was done.
        after: what it holds when everything was done.
        status: of the true answer.
    """

    ask: Callable[[Server, int], Awaitable[Answer]]
    before: dict[str, Any]
    after: dict[str, Any]
    status: int
    trace: Callable[[Database], Awaitable[dict[str, Any]]]


class Stage:
    """A world in which cases are made, each with people, slots and keys of its own."""

    def __init__(self, db: Database, world: World, steady: Server) -> None:
        self.db, self.world, self.steady = db, world, steady
        self.number = 0

    async def slot(self) -> int:
        """A slot nobody else uses."""
        return await seeds.add_slot(self.db, self.world, capacity=2)

    async def of_key(self, db: Database, operation: str, key: str) -> dict[str, Any]:
        """The trace of whatever a key made."""
        answers = await seeds.rows(
            db, "SELECT answer::json ->> 'code' AS code FROM idempotency_record WHERE scope = :s AND key = :k",
            s=f"api:{operation}", k=key,
        )  # fmt: skip
        return await trace(db, answers[0]["code"]) if answers else {}

    async def booking(self) -> Case:
        """A booking of a slot."""
        self.number += 1
        slot, key = await self.slot(), f"kill-book-{self.number}"
        body = self.world.booking(slot, people.patient(self.number))

        async def ask(server: Server, deadly: int) -> Answer:
            return await server.ask("POST", BOOK, body, {"Idempotency-Key": key, "X-Test-Kill": str(deadly)})

        after = {"state": "booked", "slot": slot, "version": 1, "told": ["booked"], "due": ["booked"], "done": ["book"]}
        return Case(ask, {}, after, 201, lambda db: self.of_key(db, "book", key))

    async def holding(self) -> Case:
        """A hold."""
        self.number += 1
        slot, key = await self.slot(), f"kill-hold-{self.number}"
        headers = {"Idempotency-Key": key, "Henkham-Device": f"device-{self.number}"}

        async def ask(server: Server, deadly: int) -> Answer:
            return await server.ask("POST", HOLD, self.world.hold(slot), headers | {"X-Test-Kill": str(deadly)})

        after = {"state": "held", "slot": slot, "version": 1, "told": [], "due": [], "done": ["hold"]}
        return Case(ask, {}, after, 201, lambda db: self.of_key(db, "hold", key))

    async def confirming(self) -> Case:
        """The confirmation of a hold."""
        self.number += 1
        slot, key = await self.slot(), f"kill-confirm-{self.number}"
        headers = {"Idempotency-Key": f"{key}-hold", "Henkham-Device": f"device-{self.number}"}
        held = await self.steady.ask("POST", HOLD, self.world.hold(slot), headers)
        body = {"hold": held.json["code"], "patient": people.patient(self.number)}

        async def ask(server: Server, deadly: int) -> Answer:
            more = {"Idempotency-Key": key, "X-Test-Kill": str(deadly), **opens(held)}
            return await server.ask("POST", BOOK, body, more)

        before = {"state": "held", "slot": slot, "version": 1, "told": [], "due": [], "done": ["hold"]}
        after = before | {"state": "booked", "told": ["booked"], "due": ["booked"], "done": ["hold", "book"]}
        return Case(ask, before, after, 201, lambda db: trace(db, held.json["code"]))

    async def _booked(self) -> tuple[Answer, dict[str, Any]]:
        self.number += 1
        slot = await self.slot()
        visit = await book(self.steady, self.world, slot, self.number, f"kill-visit-{self.number}")
        before = {
            "state": "booked",
            "slot": slot,
            "version": 1,
            "told": ["booked"],
            "due": ["booked"],
            "done": ["book"],
        }
        return visit, before

    async def cancelling(self) -> Case:
        """A cancel."""
        visit, before = await self._booked()

        async def ask(server: Server, deadly: int) -> Answer:
            path = f"{BOOK}/{visit.json['code']}/cancel"
            return await server.ask("POST", path, None, {"X-Test-Kill": str(deadly), **opens(visit)})

        told = {"told": ["booked", "cancelled"], "due": ["cancelled"], "done": ["book", "cancel"]}
        after = before | {"state": "cancelled", "version": 2} | told
        return Case(ask, before, after, 200, lambda db: trace(db, visit.json["code"]))

    async def moving(self) -> Case:
        """A move."""
        visit, before = await self._booked()
        target = await self.slot()

        async def ask(server: Server, deadly: int) -> Answer:
            path = f"{BOOK}/{visit.json['code']}/reschedule"
            headers = {"X-Test-Kill": str(deadly), **opens(visit)}
            return await server.ask("POST", path, {"slot": target}, headers)

        told = {"told": ["booked", "moved"], "due": ["moved"], "done": ["book", "move"]}
        after = before | {"slot": target, "version": 2} | told
        return Case(ask, before, after, 200, lambda db: trace(db, visit.json["code"]))


async def judge_whole(db: Database, case: Case) -> bool:
    """Everything or nothing; whether it is everything."""
    await quiet(db)
    found = await case.trace(db)
    assert found in (case.before, case.after), f"half done: {found}"
    await judge_invariants(db)
    return found == case.after


async def killed(db: Database, case: Case, doomed: Server, deadly: int) -> bool:
    """Kill the server at the point; whether the work was done all the same."""
    with pytest.raises(ConnectionError):
        await case.ask(doomed, deadly)
    await doomed.gone()
    return await judge_whole(db, case)


async def points_of(case: Case, server: Server) -> list[str]:
    """The names of the points the request passes."""
    answer = await case.ask(server, NEVER)
    assert answer.status == case.status, answer.body
    return answer.points


CASES = ["booking", "holding", "confirming", "cancelling", "moving"]


def chosen(points: list[str]) -> list[int]:
    """The numbers of the points to die at, counted from one."""
    return [
        number
        for number, name in enumerate(points, 1)
        if FULL or len(points) <= 4 or "COMMIT" in name or number % 6 == 1
    ]


@pytest.mark.parametrize("kind", CASES)
async def test_a_server_killed_at_any_point_leaves_everything_or_nothing(
    db: Database, database_url: str, kind: str
) -> None:
    world = await seeds.seed(db, capacities=[])
    async with nursery(database_url) as made:
        steady = await made.server()
        stage = Stage(db, world, steady)
        make = getattr(stage, kind)
        points = await points_of(await make(), steady)
        outcomes = {}
        for number in chosen(points):
            case = await make()
            outcomes[points[number - 1]] = await killed(db, case, await made.server(), number)
            # A fresh server, the same key or the same wish: the truth, once.
            answer = await case.ask(steady, NEVER)
            assert answer.status == case.status, answer.body
            assert await judge_whole(db, case), "the repeat did not finish it"
    assert set(outcomes.values()) == {True, False}, f"the points lie on one side of the commit only: {outcomes}"


@pytest.mark.parametrize("kind", ["cancelling", "moving"])
async def test_control_with_a_commit_after_each_statement_the_judge_finds_half_a_change(
    cluster: Cluster, kind: str
) -> None:
    async with loose_database(cluster) as (url, db):
        world = await seeds.seed(db, capacities=[])
        async with nursery(url) as made:
            stage = Stage(db, world, await made.server())
            make = getattr(stage, kind)
            points = await points_of(await make(), await made.server("in_pieces"))
            case = await make()
            number = points.index("after UPDATE appointment") + 1
            with pytest.raises(AssertionError, match="half done"):
                await killed(db, case, await made.server("in_pieces"), number)


@pytest.mark.parametrize("kind", CASES)
async def test_a_server_killed_while_its_statement_waits_leaves_everything_or_nothing(
    db: Database, database_url: str, kind: str
) -> None:
    world = await seeds.seed(db, capacities=[])
    async with nursery(database_url) as made:
        steady = await made.server()
        case = await getattr(Stage(db, world, steady), kind)()
        await _killed_while_it_waits(db, case, made, slots=f"SELECT FROM slot WHERE id >= {world.slots[0]} FOR UPDATE")
        await judge_whole(db, case)
        answer = await case.ask(steady, NEVER)
        assert answer.status == case.status, answer.body
        assert await judge_whole(db, case)


async def _killed_while_it_waits(db: Database, case: Case, made: Nursery, *, slots: str) -> None:
    """A lock of ours on slots and appointments stops the request in the middle; then its server dies."""
    doomed = await made.server()
    async with db.transaction() as session:
        await session.execute(text(slots))
        await session.execute(text("SELECT FROM appointment FOR UPDATE"))
        asking = asyncio.ensure_future(case.ask(doomed, NEVER))
        waiting = "wait_event_type = 'Lock' AND datname = current_database()"
        await until(db, f"SELECT count(*) > 0 FROM pg_stat_activity WHERE {waiting}")
        doomed.kill()
        with pytest.raises(ConnectionError):
            await asking
