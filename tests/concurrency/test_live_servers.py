"""Live pages over real servers: what is done is seen through each of them, and streams end with their process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from booking import clock
from booking.db import Database
from booking.queue import commands, service
from tests import people, seeds
from tests.queues import CLERK
from tests.seeds import FACILITY
from tests.servers import Server, nursery

pytestmark = pytest.mark.anyio


@dataclass
class Wire:
    """A stream over a socket, read block by block."""

    reader: asyncio.StreamReader
    headers: str

    async def block(self) -> str | None:
        """The next block; None when the server has ended the answer."""
        async with asyncio.timeout(30):
            size = int((await self.reader.readline()).strip() or b"0", 16)
            if not size:
                return None
            chunk = await self.reader.readexactly(size + 2)
        return chunk.decode().strip()

    async def until(self, word: str) -> str:
        """The first block with the word."""
        while True:
            found = await self.block()
            assert found is not None, f"ended before {word!r}"
            if word in found:
                return found


@asynccontextmanager
async def _stream(server: Server, path: str) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: henkham.test\r\nAccept-Language: en\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 200"), head
    yield Wire(reader, head)
    writer.close()


_NOW = (
    "UPDATE session SET day = :day, starts_at = :start, ends_at = :close WHERE id = :session",
    "UPDATE slot SET starts_at = :start, ends_at = :end WHERE id = :slot",
    "UPDATE appointment SET starts_at = :start, ends_at = :end",
)


async def _booked(server: Server, db: Database) -> dict[str, str]:
    """A visit of a session that begins this moment; its code, and the address of its stream."""
    world = await seeds.seed(db)
    body = world.booking(world.slots[0], people.patient(1))
    made = await server.ask("POST", "/api/v1/appointments", body, {"Idempotency-Key": "live-0001"})
    assert made.status == 201, made.body
    now = clock.utc_now()
    values = {
        "day": clock.local_day(now), "start": now, "end": now + timedelta(minutes=15),
        "close": now + timedelta(hours=2), "session": world.session_id, "slot": world.slots[0],
    }  # fmt: skip
    async with db.transaction() as session:
        for statement in _NOW:
            await session.execute(text(statement), values)
    return {"code": made.json["code"], "live": f"/t/{made.json['code']}/{made.json['token']}/live"}


async def test_streams_end_when_the_server_is_told_to_stop_and_the_server_with_them(database_url: str) -> None:
    db = Database(database_url, pool=2)
    async with nursery(database_url) as made:
        server = await made.server("beating")
        async with _stream(server, (await _booked(server, db))["live"]) as wire:
            assert await wire.until("id: ")
            os.kill(server.pid, signal.SIGTERM)
            while await wire.block() is not None:
                pass  # what was under way
        await server.gone()
    await db.close()


async def test_control_where_nobody_ends_the_streams_the_server_lives_on(database_url: str) -> None:
    db = Database(database_url, pool=2)
    async with nursery(database_url) as made:
        server = await made.server("endless")
        async with _stream(server, (await _booked(server, db))["live"]) as wire:
            assert await wire.until("id: ")
            os.kill(server.pid, signal.SIGTERM)
            for _ in range(10):  # a second of heartbeats: it has no mind to end
                assert await wire.block() is not None
    await db.close()


async def test_what_happens_reaches_the_streams_of_every_server(database_url: str) -> None:
    db = Database(database_url, pool=2)
    async with nursery(database_url) as made:
        first, second = await made.server(), await made.server()
        visit = await _booked(first, db)
        async with _stream(first, visit["live"]) as one, _stream(second, visit["live"]) as other:
            for wire in (one, other):
                assert "Nobody is waiting now." in await wire.until("id: ")
            async with db.transaction() as session:
                command = commands.CheckIn(facility=FACILITY, code=visit["code"])
                await service.check_in(session, command, by=CLERK, now=clock.utc_now())
            seen = [await wire.until("A001") for wire in (one, other)]
            assert len({block.split("\n")[0] for block in seen}) == 1  # one position, whichever server reads it
    await db.close()
