"""A display over real servers: each call once, also when its server dies and another one answers."""

import re

import orjson
import pytest

from booking import clock, ids
from booking.db import Database
from booking.queue import commands, displays, service
from tests import seeds
from tests.queues import CLERK
from tests.seeds import FACILITY, SERVICE
from tests.servers import nursery
from tests.wires import Wire, stream

pytestmark = pytest.mark.anyio


async def _display(db: Database) -> str:
    """A facility with a display; the address of its stream."""
    world = await seeds.seed(db)
    async with db.transaction() as session:
        command = commands.AddDisplay(facility=FACILITY, name="Phòng chờ")
        await displays.add(session, command, by=CLERK, now=clock.utc_now())
        made = (await displays.displays_of(session, world.facility_id))[0]
    return f"/display/{FACILITY}/{made.token}/live"


async def _called(db: Database) -> str:
    """Somebody comes and is called; the number."""
    now = clock.utc_now()
    async with db.transaction() as session:
        walk_in = commands.WalkIn(facility=FACILITY, service=SERVICE, ticket=ids.public_id())
        await service.walk_in(session, walk_in, by=CLERK, now=now)
    async with db.transaction() as session:
        command = commands.CallNext(facility=FACILITY, service=SERVICE)
        return (await service.call_next(session, command, by=CLERK, now=now)).label


async def _until(wire: Wire, number: str) -> tuple[list[str], str]:
    """Every call told up to this one, and the position of the last block."""
    calls: list[str] = []
    position = ""
    while number not in calls:
        block = await wire.block()
        assert block is not None
        found = re.search(r"^id: (\S+)$.*^data: (.*)$", block, re.MULTILINE | re.DOTALL)
        if found:
            position = found[1]
            calls += [call["number"] for call in orjson.loads(found[2])["calls"]]
    return calls, position


async def test_after_its_server_died_a_display_hears_each_call_once(database_url: str) -> None:
    db = Database(database_url, pool=2)
    async with nursery(database_url) as made:
        first = await made.server()
        address = await _display(db)
        async with stream(first, address) as wire:
            assert "calls" in await wire.until("id: ")
            one = await _called(db)
            heard, position = await _until(wire, one)
            assert heard == [one]
            first.kill()
            await first.gone()
        missed = [await _called(db), await _called(db)]
        second = await made.server()
        async with stream(second, address, Last_Event_ID=position) as wire:
            heard, _ = await _until(wire, missed[-1])
            assert heard == missed
            last = await _called(db)
            assert (await _until(wire, last))[0] == [last]
    await db.close()


async def test_control_without_its_position_a_display_misses_what_was_called_meanwhile(database_url: str) -> None:
    db = Database(database_url, pool=2)
    async with nursery(database_url) as made:
        server = await made.server()
        address = await _display(db)
        missed = await _called(db)
        async with stream(server, address) as wire:
            assert missed in await wire.until("id: ")  # on the screen, but not rung
            last = await _called(db)
            assert (await _until(wire, last))[0] == [last]
    await db.close()
