"""A commit whose wait for the standby somebody cuts short is not taken for one that is on the standby."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from booking import db as under_test
from booking import embedded
from booking.db import Database
from tests.postgres import scratch

pytestmark = pytest.mark.anyio

WORD = "pg_logical_emit_message"
INSERT = "INSERT INTO promise (id) VALUES (1) ON CONFLICT DO NOTHING"
_WAITING = "SELECT pid, query FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    """A server that waits for a standby there is not, once it is told to."""
    with scratch() as folder, embedded.running(folder / "data", durable=True) as made:
        made.sql("CREATE TABLE promise (id int PRIMARY KEY)")
        yield made


@pytest.fixture
async def database(server: embedded.Server) -> AsyncIterator[Database]:
    """A database whose commits wait for the standby; the table is empty."""
    server.sql("TRUNCATE promise")
    _standby(server, "'nobody'")
    await _until_commits_wait(server)
    made = Database(server.url("postgres"), pool=2)
    yield made
    _standby(server, "''")
    await made.close()


def _standby(server: embedded.Server, name: str) -> None:
    server.sql(f"ALTER SYSTEM SET synchronous_standby_names = {name}")
    server.sql("SELECT pg_reload_conf()")


async def _until_commits_wait(server: embedded.Server) -> None:
    """The server reads its settings anew when it comes round to it."""
    connection = await asyncpg.connect(server.url("postgres"))
    waits = False
    while not waits:
        probe = asyncio.create_task(connection.execute(f"SELECT {WORD}(true, 'probe', '')"))
        while not probe.done() and not waits:
            waits = bool(await asyncio.to_thread(server.sql, _WAITING))
        if waits:
            await _cut_short(server)
        await probe
    await connection.close()


def _work(database: Database, tries: list[int]) -> Callable[[], Awaitable[str]]:
    """Work with a key of its own, in a statement that is a whole transaction."""

    async def work() -> str:
        tries.append(1)
        async with database.hot() as connection:
            await connection.fetchval(INSERT)
        return "promised"

    return work


async def _waiter(server: embedded.Server) -> tuple[str, str]:
    """Who waits for the standby: process and statement."""
    for _ in range(1000):
        found = await asyncio.to_thread(server.sql, _WAITING)
        if found:
            pid, query = found.strip().split("|", 1)
            return pid, query
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for the standby")


async def _cut_short(server: embedded.Server) -> None:
    pid, _ = await _waiter(server)
    await asyncio.to_thread(server.sql, f"SELECT pg_cancel_backend({pid})")


async def test_it_is_answered_once_the_standby_has_it(server: embedded.Server, database: Database) -> None:
    tries: list[int] = []
    asked = asyncio.create_task(database.until_known(_work(database, tries), patience=60))
    await _cut_short(server)
    _, query = await _waiter(server)
    while WORD not in query:  # the repeat itself may wait a moment
        _, query = await _waiter(server)
    assert not asked.done()
    await asyncio.to_thread(_standby, server, "''")  # it has arrived
    assert await asked == "promised"
    assert len(tries) == 2


async def test_control_who_does_not_listen_promises_what_only_this_server_has(
    server: embedded.Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def deaf(_: Any) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(under_test, "_watched", deaf)
    tries: list[int] = []
    asked = asyncio.create_task(database.until_known(_work(database, tries), patience=60))
    await _cut_short(server)
    assert await asked == "promised"
    assert len(tries) == 1
