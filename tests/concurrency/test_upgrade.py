"""An upgrade while the version before serves: its own code, taken from this repository's history, books on.

    the released version's schema and server → bookings begin → the migrations of this version run → bookings go on
    → the schema steps back → bookings still go on

Nothing is refused, nothing fails, and nobody of the server's waits for a lock for a second. The step back that
operations need is the first half: the version before serves on the newer schema, so it is installed again.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from alembic import command

from booking.migrations.upgrading import apply, migrate_async
from tests import people
from tests.carrier import unused_port
from tests.conftest import environment
from tests.postgres import Cluster

pytestmark = [pytest.mark.anyio]

RELEASED, ITS_HEAD = "7674045", "0041"
"""The commit of the last released schema, and its newest migration."""
ROOT = Path(__file__).parents[2]
AT_ONCE, PLACES = 3, 16_000

_WORLD = f"""
import asyncio, json, sys
from booking import sealed
from booking.db import Database
from booking.migrations.needed import head
from booking.migrations.upgrading import migrate
from booking.settings import load
from tests import seeds

url = sys.argv[1]
migrate(url)
sealed.install(load(json.loads(sys.argv[2])).keyring())

async def made():
    db = Database(url, pool=2)
    world = await seeds.seed(db, capacities=[{PLACES // 8}] * 8)
    await db.close()
    return dict(slots=world.slots, head=head())

print(json.dumps(asyncio.run(made())))
"""

_WAITS = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)::float8
FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name LIKE 'henkham%'
"""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree of the released version."""
    folder = tmp_path_factory.mktemp("released")
    there = subprocess.run(
        ["git", "cat-file", "-e", f"{RELEASED}^{{commit}}"], cwd=ROOT, check=False, capture_output=True
    )
    if there.returncode != 0:
        pytest.skip("this copy has no history: the version before cannot be taken from it")
    archive = subprocess.run(["git", "archive", RELEASED], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    yield folder
    shutil.rmtree(folder)


@dataclass
class Load:
    """Bookings through the released version's JSON door, one after the other by each caller."""

    base: str
    slots: list[int]
    statuses: list[int] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def book(self, caller: int) -> None:
        """Until told to stop."""
        async with httpx.AsyncClient(base_url=self.base, timeout=30) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                patient = people.patient(caller * 10_000 + number)
                slot = self.slots[(caller + number) % len(self.slots)]
                body = {"facility": "MAU-01", "service": "kham-mau", "slot": slot, "patient": patient}
                key = {"Idempotency-Key": f"upgrade-{caller}-{number}"}
                answer = await client.post("/api/v1/appointments", json=body, headers=key)
                self.statuses.append(answer.status_code)
                if answer.status_code != 201:
                    self.refused.append(answer.text)

    async def watch(self, url: str) -> None:
        """How long anybody of the server's waits for a lock, asked some fifty times a second."""
        connection = await asyncpg.connect(url)
        while not self._stop.is_set():
            self.waited.append(await connection.fetchval(_WAITS))
            await asyncio.sleep(0.02)
        await connection.close()

    async def booked(self, more: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.statuses) + more
        while len(self.statuses) < wanted:  # noqa: ASYNC110  counted, not signalled
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Enough."""
        self._stop.set()


def _said(folder: Path, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _WORLD, url, json.dumps(environment(url))],
        cwd=folder,
        check=True,
        capture_output=True,
        env=_env(folder),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _env(folder: Path, **more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(folder)} | more


@contextlib.asynccontextmanager
async def _serving(folder: Path, url: str) -> AsyncIterator[str]:
    """The released version's own server."""
    port = unused_port()
    base = f"http://127.0.0.1:{port}"
    settings = environment(url, HENKHAM_LIMIT_PHONE_PER_DAY="1000")
    command_line = [sys.executable, "-m", "booking", "serve", "--port", str(port)]
    process = subprocess.Popen(  # noqa: ASYNC220  started once
        command_line, cwd=folder, env=_env(folder, **settings), stderr=subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=base) as client:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/healthz")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(20)


@contextlib.asynccontextmanager
async def _loaded(base: str, url: str, slots: list[int]) -> AsyncIterator[Load]:
    load = Load(base, slots)
    async with asyncio.TaskGroup() as group:
        for caller in range(AT_ONCE):
            group.create_task(load.book(caller))
        group.create_task(load.watch(url))
        try:
            await load.booked(10)
            yield load
            await load.booked(10)
        finally:
            load.stop()


async def test_the_version_before_books_on_while_the_schema_goes_forth_and_back(
    cluster: Cluster, released: Path
) -> None:
    with cluster.database() as url:
        world = await asyncio.to_thread(_said, released, url)
        assert world["head"] == ITS_HEAD
        async with _serving(released, url) as base:
            async with _loaded(base, url, world["slots"]) as load:
                await migrate_async(url)
                await load.booked(10)
                forth = list(load.statuses)
                await apply(url, lambda made: command.downgrade(made, ITS_HEAD))
            assert set(load.statuses) == {201}, load.refused[:3]
            assert len(forth) > 20
            assert max(load.waited) < 1.0
        await migrate_async(url)  # and forth again, with what was booked meanwhile


async def test_control_a_migration_that_holds_a_table_is_seen(cluster: Cluster, released: Path) -> None:
    with cluster.database() as url:
        world = await asyncio.to_thread(_said, released, url)
        async with _serving(released, url) as base, _loaded(base, url, world["slots"]) as load:
            connection = await asyncpg.connect(url)
            async with connection.transaction():
                await connection.execute("LOCK TABLE appointment IN ACCESS EXCLUSIVE MODE")
                while not load.waited or max(load.waited) < 1.1:  # noqa: ASYNC110  what the watcher saw
                    await asyncio.sleep(0.05)
            await connection.close()
        assert max(load.waited) > 1.0
