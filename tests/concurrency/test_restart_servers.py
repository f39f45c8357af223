"""A server dies while calls are being made: every kind of page is right again on the next one, and no call is lost.

The calls are committed out of order: the one that was begun first ends last, after the server's death. A display counts
them; telephone and desk show how things stand, so for them nothing is missed when they show the end.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock, ids
from booking.access.kinds import Role
from booking.db import Database
from booking.queue import commands, displays, service
from tests import people, seeds, staff
from tests.queues import CLERK
from tests.seeds import FACILITY, OTHER_SERVICE, SERVICE
from tests.servers import Server, nursery
from tests.wires import Wire, stream

pytestmark = pytest.mark.anyio


_NOW = (
    "UPDATE session SET day = :day, starts_at = :start, ends_at = :close WHERE id = :session",
    "UPDATE slot SET starts_at = :start, ends_at = :end WHERE id = :slot",
    "UPDATE appointment SET starts_at = :start, ends_at = :end",
)


@dataclass
class Pages:
    """The addresses of the three kinds of streams, and the clerk's cookie."""

    display: str
    desk: str
    telephone: str
    cookie: str

    def headers(self, kind: str, position: str | None = None) -> dict[str, str]:
        """What a browser sends; with a position where it returns."""
        return ({"Cookie": self.cookie} if kind == "desk" else {}) | (
            {"Last_Event_ID": position} if position is not None else {}
        )

    def address(self, kind: str) -> str:
        """Where a kind of page listens."""
        return {"display": self.display, "desk": self.desk, "telephone": self.telephone}[kind]


KINDS = ("display", "desk", "telephone")


async def _pages(server: Server, db: Database) -> Pages:
    """A visit that has checked in (A001) and somebody in another line (B001), watched by all."""
    world = await seeds.seed(db)
    body = world.booking(world.slots[0], people.patient(1))
    made = await server.ask("POST", "/api/v1/appointments", body, {"Idempotency-Key": "restart-0001"})
    assert made.status == 201, made.body
    now = clock.utc_now()
    values = {
        "day": clock.local_day(now), "start": now, "end": now + timedelta(minutes=15),
        "close": now + timedelta(hours=2), "session": world.session_id, "slot": world.slots[0],
    }  # fmt: skip
    async with db.transaction() as session:
        for statement in _NOW:
            await session.execute(text(statement), values)
        check_in = commands.CheckIn(facility=FACILITY, code=made.json["code"])
        assert (await service.check_in(session, check_in, by=CLERK, now=now)).label == "A001"
        walk_in = commands.WalkIn(facility=FACILITY, service=OTHER_SERVICE, ticket=ids.public_id())
        assert (await service.walk_in(session, walk_in, by=CLERK, now=now)).label == "B001"
        await displays.add(session, commands.AddDisplay(facility=FACILITY, name="Phòng chờ"), by=CLERK, now=now)
        token = (await displays.displays_of(session, world.facility_id))[0].token
    await staff.add(db, "clerk.mau", Role.CLERK, [FACILITY])
    return Pages(
        f"/display/{FACILITY}/{token}/live",
        f"/desk/{FACILITY}/queue/live?service={SERVICE}",
        f"/t/{made.json['code']}/{made.json['token']}/live",
        f"desk={await staff.sign_in(db, 'clerk.mau')}",
    )


async def _call(session: AsyncSession, offered: str) -> None:
    command = commands.CallNext(facility=FACILITY, service=offered)
    await service.call_next(session, command, by=CLERK, now=clock.utc_now())


@asynccontextmanager
async def _watched(server: Server, pages: Pages, since: dict[str, str | None]) -> AsyncIterator[dict[str, Wire]]:
    async with AsyncExitStack() as stack:
        yield {
            kind: await stack.enter_async_context(
                stream(server, pages.address(kind), **pages.headers(kind, since.get(kind)))
            )
            for kind in KINDS
        }


async def _position(wire: Wire) -> str:
    found = re.search(r"^id: (\S+)$", await wire.until("id: "), re.MULTILINE)
    assert found
    return found[1]


async def _rung(wire: Wire, last: str) -> list[str]:
    """The calls a display was told of, up to one."""
    calls: list[str] = []
    while last not in calls:
        block = await wire.block()
        assert block is not None
        data = re.search(r"^data: (.*)$", block, re.MULTILINE)
        calls += [call["number"] for call in orjson.loads(data[1])["calls"]] if data else []
    return calls


async def _over_a_restart(database_url: str, variant: str) -> tuple[list[str], dict[str, str]]:
    """What the display was told after the restart up to a last call, and what the two other pages show in the end."""
    db = Database(database_url, pool=4)
    async with nursery(database_url) as made:
        first = await made.server(variant)
        pages = await _pages(first, db)
        async with _watched(first, pages, {}) as wires:
            since: dict[str, str | None] = {kind: await _position(wire) for kind, wire in wires.items()}
            async with db.transaction() as early:
                await _call(early, SERVICE)  # begun first
                async with db.transaction() as late:
                    await _call(late, OTHER_SERVICE)  # begun later, and over
                if variant == "impatient":
                    await wires["display"].until("B001")
                    since["display"] = str(await _largest(db))
                first.kill()
                await first.gone()
                second = await made.server(variant)
            async with _watched(second, pages, since) as again:
                shown = {kind: await again[kind].until("It is your turn" if kind == "telephone" else '"called":["A001"')
                         for kind in ("desk", "telephone")}  # fmt: skip
                async with db.transaction() as session:
                    walk_in = commands.WalkIn(facility=FACILITY, service=SERVICE, ticket=ids.public_id())
                    await service.walk_in(session, walk_in, by=CLERK, now=clock.utc_now())
                    await _call(session, SERVICE)
                rung = await _rung(again["display"], "A002")
    await db.close()
    return rung, shown


async def _largest(db: Database) -> str:
    """The position of what was visible when the server died."""
    async with db.hot() as hot:
        row = (await hot.fetch("SELECT xid, id FROM live_event ORDER BY xid DESC, id DESC LIMIT 1"))[0]
    return f"{row['xid']}-{row['id']}"


async def test_calls_committed_out_of_order_over_a_restart_reach_every_page_once(database_url: str) -> None:
    rung, shown = await _over_a_restart(database_url, "as_it_is")
    assert rung == ["A001", "B001", "A002"]
    assert set(shown) == {"desk", "telephone"}


async def test_control_a_reader_that_waits_for_nobody_loses_the_call_that_ended_last(database_url: str) -> None:
    rung, _ = await _over_a_restart(database_url, "impatient")
    assert rung == ["A002"]


async def test_what_happens_while_no_server_is_there_is_on_every_page_afterwards(database_url: str) -> None:
    db = Database(database_url, pool=4)
    async with nursery(database_url) as made:
        first = await made.server()
        pages = await _pages(first, db)
        async with _watched(first, pages, {}) as wires:
            since: dict[str, str | None] = {kind: await _position(wire) for kind, wire in wires.items()}
            first.kill()
            await first.gone()
        async with db.transaction() as session:
            await _call(session, SERVICE)
        second = await made.server()
        async with _watched(second, pages, since) as again, asyncio.timeout(30):
            assert await again["telephone"].until("It is your turn")
            assert await again["desk"].until('"called":["A001"')
            assert await _rung(again["display"], "A001") == ["A001"]
    await db.close()
