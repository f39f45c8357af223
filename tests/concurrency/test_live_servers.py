"""Live pages over real servers: what is done is seen through each of them, and streams end with their process."""

import os
import signal
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
from tests.wires import stream

pytestmark = pytest.mark.anyio


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
        async with stream(server, (await _booked(server, db))["live"]) as wire:
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
        async with stream(server, (await _booked(server, db))["live"]) as wire:
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
        async with stream(first, visit["live"]) as one, stream(second, visit["live"]) as other:
            for wire in (one, other):
                assert "Nobody is waiting now." in await wire.until("id: ")
            async with db.transaction() as session:
                command = commands.CheckIn(facility=FACILITY, code=visit["code"])
                await service.check_in(session, command, by=CLERK, now=clock.utc_now())
            seen = [await wire.until("A001") for wire in (one, other)]
            assert len({block.split("\n")[0] for block in seen}) == 1  # one position, whichever server reads it
    await db.close()
