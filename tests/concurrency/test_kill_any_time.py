"""kill -9 of a server with requests under way, at random times; and connections that are cut.

The times come from the run's seed, which pytest prints: `--randomly-seed=N` repeats them.
"""

import asyncio
import random  # noqa: TID251  seeded by the run, so that a failure can be repeated
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from booking.db import Database
from booking.hot import Hot
from tests import people, seeds
from tests.races import BOOK, FULL, book, judge_invariants, opens, quiet, trace, until
from tests.seeds import World
from tests.servers import Answer, Server, nursery, servers

pytestmark = pytest.mark.anyio
KILLS = 100 if FULL else 8
LONGEST = 0.5
"""Seconds; about what sixteen requests take on a busy machine."""

ONCE = {"state": "booked", "version": 1, "told": ["booked"], "due": ["booked"], "done": ["book"]}


async def _sent(server: Server, world: World, slot: int, number: int) -> Answer | None:
    try:
        return await book(server, world, slot, number, f"any-time-{number:06d}")
    except ConnectionError:
        return None


async def _sent_change(server: Server, visit: Answer, path: str, body: object) -> Answer | None:
    try:
        return await server.ask("POST", f"{BOOK}/{visit.json['code']}/{path}", body, opens(visit))
    except ConnectionError:
        return None


async def test_a_server_killed_at_any_time_breaks_no_promise(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[])
    promised = lost = 0
    async with nursery(database_url) as made:
        steady = await made.server()
        for kill in range(KILLS):
            slot, other = [await seeds.add_slot(db, world, capacity=20) for _ in range(2)]
            visits = [
                await book(steady, world, slot, 500_000 + 100 * kill + n, f"visit-{kill}-{n:04d}") for n in range(4)
            ]
            doomed = await made.server()
            numbers = range(100 * kill, 100 * kill + 12)
            asking = [asyncio.ensure_future(_sent(doomed, world, slot, number)) for number in numbers]
            asking += [asyncio.ensure_future(_sent_change(doomed, visit, "cancel", None)) for visit in visits[:2]]
            asking += [
                asyncio.ensure_future(_sent_change(doomed, visit, "reschedule", {"slot": other}))
                for visit in visits[2:]
            ]
            if kill == KILLS - 1:
                await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)  # at least one has its promise
            else:
                await asyncio.sleep(random.uniform(0, LONGEST))
            doomed.kill()
            answers = await asyncio.gather(*asking)
            await doomed.gone()
            await quiet(db)
            await judge_invariants(db)
            promised += len([answer for answer in answers if answer])
            lost += answers.count(None)
            for number, answer in zip(numbers, answers, strict=False):
                await _judge_truth(db, steady, world, slot, number, answer)
            for visit, path, done in zip(
                visits, ["cancel"] * 2 + ["reschedule"] * 2, ["cancel"] * 2 + ["move"] * 2, strict=True
            ):
                again = await _sent_change(steady, visit, path, {"slot": other} if done == "move" else None)
                assert again
                assert again.status == 200
                assert (await trace(db, visit.json["code"]))["done"] == ["book", done]
    assert lost
    assert promised


async def _judge_truth(
    db: Database, steady: Server, world: World, slot: int, number: int, answer: Answer | None
) -> None:
    again = await book(steady, world, slot, number, f"any-time-{number:06d}")
    assert again.status == 201, again.body
    if answer is not None:
        assert answer.body == again.body, "the promise was another than the truth"
        assert again.headers["idempotent-replayed"] == "true"
    assert await trace(db, again.json["code"]) == ONCE | {"slot": slot}


CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'henkham-web%'"


async def test_connections_cut_while_idle_are_replaced_without_anyone_noticing(db: Database, database_url: str) -> None:
    world = await seeds.seed(db)
    path = f"/api/v1/slots?facility={seeds.FACILITY}&service={seeds.SERVICE}&from={world.day}&to={world.day}"
    async with servers(database_url, 1) as (server,):
        visit = await book(server, world, world.slots[0], 1, "before-the-cut")
        for number in range(2, 6):
            assert await seeds.value(db, CUT) > 0
            assert (await server.ask("GET", path)).status == 200
            assert await seeds.value(db, CUT) > 0
            assert (await server.ask("GET", "/api/v1/facilities")).status == 200
            assert await seeds.value(db, CUT) > 0
            assert (await book(server, world, world.slots[number % 3], number, f"after-{number:06d}")).status == 201
            assert await seeds.value(db, CUT) > 0
            assert (await server.ask("GET", f"{BOOK}/{visit.json['code']}", None, opens(visit))).status == 200
        await seeds.value(db, CUT)
        assert (await server.ask("POST", f"{BOOK}/{visit.json['code']}/cancel", None, opens(visit))).status == 200


async def test_connections_cut_in_the_middle_end_in_the_truth(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[9, 9])
    async with servers(database_url, 1) as (server,):
        visits = [await book(server, world, world.slots[0], 50 + n, f"visit-{n:06d}") for n in range(2)]
        async with db.transaction() as session:
            await session.execute(text("SELECT FROM slot FOR UPDATE"))
            asking = [asyncio.ensure_future(_sent(server, world, world.slots[0], number)) for number in range(1, 5)]
            asking.append(asyncio.ensure_future(_sent_change(server, visits[0], "cancel", None)))
            asking.append(
                asyncio.ensure_future(_sent_change(server, visits[1], "reschedule", {"slot": world.slots[1]}))
            )
            await until(db, f"SELECT count(*) = {len(asking)} FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            assert await seeds.value(db, CUT) >= len(asking)
        answers = [answer for answer in await asyncio.gather(*asking) if answer]
        assert len(answers) == len(asking)
        assert [answer.status for answer in answers] == [201] * 4 + [200] * 2, [answer.body for answer in answers]
        for number, answer in enumerate(answers[:4], 1):
            await _judge_truth(db, server, world, world.slots[0], number, answer)
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 5


@asynccontextmanager
async def _answers_lost(app: FastAPI) -> AsyncIterator[None]:
    """Every booking is committed, and then the connection is gone before the answer is read."""
    real = app.state.db.hot

    class Cut:
        def __init__(self, inner: Hot) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def fetchrow(self, sql: str, *values: object) -> Any:
            found = await self._inner.fetchrow(sql, *values)
            if "idempotency_record" in sql:
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            return found

    @asynccontextmanager
    async def cut() -> AsyncIterator[Any]:
        async with real() as hot:
            yield Cut(hot)

    app.state.db.hot = cut
    try:
        yield
    finally:
        app.state.db.hot = real


async def test_an_outcome_that_stays_unknown_is_503_and_the_same_key_finds_it_out(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    monkeypatch.setattr(Database.until_known, "__kwdefaults__", {"patience": 0.3})
    body, headers = world.booking(world.slots[0], people.patient(1)), {"Idempotency-Key": "lost-answer"}
    async with _answers_lost(app):
        unknown = await client.post(BOOK, json=body, headers=headers)
    assert unknown.status_code == 503
    assert unknown.json()["code"] == "outcome_unknown"
    assert unknown.headers["retry-after"] == "2"
    found = await client.post(BOOK, json=body, headers=headers)
    assert found.status_code == 201
    assert found.headers["idempotent-replayed"] == "true"
    assert await trace(db, found.json()["code"]) == ONCE | {"slot": world.slots[0]}


async def test_control_who_takes_a_lost_answer_for_a_failure_and_a_new_key_books_twice(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    monkeypatch.setattr(Database.until_known, "__kwdefaults__", {"patience": 0.3})
    async with _answers_lost(app):
        body = world.booking(world.slots[0], people.patient(1))
        assert (await client.post(BOOK, json=body, headers={"Idempotency-Key": "lost-answer"})).status_code == 503
    again = world.booking(world.slots[0], people.patient(2))  # another person, or the rule of the day would catch it
    assert (await client.post(BOOK, json=again, headers={"Idempotency-Key": "a-new-key"})).status_code == 201
    await quiet(db)
    assert await seeds.value(db, "SELECT count(*) FROM appointment") == 2
