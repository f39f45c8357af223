"""What the concurrency tests share: how long they run, a database without its safety nets, and the judges.

A judge is an assertion about what a database holds after a race. The same judge is shown a database whose guard was
taken away, and must refuse it there: a judge that never refuses proves nothing.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from booking.appointments import invariants
from booking.db import Database
from booking.migrations.upgrading import migrate
from tests import people, seeds
from tests.postgres import Cluster
from tests.seeds import World
from tests.servers import Answer, Caller, Server, at_once

FULL = os.environ.get("HENKHAM_TESTS_FULL") == "1"
CALLERS = 64
BOOK = "/api/v1/appointments"
HOLD = "/api/v1/holds"
HOLDING = "('held', 'booked', 'arrived', 'fulfilled', 'noshow')"

NETS = (
    "ALTER TABLE slot DROP CONSTRAINT slot_taken_check",
    "ALTER TABLE slot DROP CONSTRAINT slot_places_check",
    "DROP INDEX appointment_place_key",
)
"""The constraints behind the lock, taken away."""


@asynccontextmanager
async def loose_database(cluster: Cluster, *statements: str) -> AsyncIterator[tuple[str, Database]]:
    """A migrated database without the nets named; nobody checks its invariants afterwards."""
    template = await asyncio.to_thread(cluster.template, migrate)  # it runs a loop of its own
    with cluster.database(template) as url:
        db = Database(url, pool=2)
        for statement in statements:
            await seeds.run(db, statement)
        yield url, db
        await db.close()


def opens(answer: Answer) -> dict[str, str]:
    """The header that opens what was made."""
    return {"Authorization": f"Bearer {answer.json['token']}"}


async def book(server: Server, world: World, slot: int, number: int, key: str, **headers: str) -> Answer:
    """The sample patient of that number books."""
    body = world.booking(slot, people.patient(number))
    return await server.ask("POST", BOOK, body, {"Idempotency-Key": key, **headers})


async def rush(
    servers: Sequence[Server], world: World, slot: int, *, start: int, callers: int = CALLERS
) -> list[Answer]:
    """So many distinct patients ask for one slot at once, a connection each, through all servers in turn."""
    ready: list[Caller] = []
    for number in range(start, start + callers):
        server = servers[number % len(servers)]
        body = world.booking(slot, people.patient(number))
        ready.append(await server.caller("POST", BOOK, body, {"Idempotency-Key": f"rush-{slot}-{number:06d}"}))
    return await at_once(ready)


async def stored(db: Database, slot: int) -> int:
    """Appointments that hold a place of the slot."""
    found: int = await seeds.value(
        db, f"SELECT count(*) FROM appointment WHERE slot_id = :slot AND state IN {HOLDING}", slot=slot
    )
    return found


async def judge_places(
    db: Database, slot: int, answers: Sequence[Answer], *, places: int, servers: Sequence[Server]
) -> None:
    """Exactly the places there were are stored and promised, everyone else was told 409, and all servers took part."""
    counted = Counter(answer.status for answer in answers)
    assert await stored(db, slot) == places, f"{await stored(db, slot)} stored for {places} places"
    assert counted == Counter({201: places, 409: len(answers) - places}), counted
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {"slot_full"}
    assert {answer.pid for answer in answers} == {server.pid for server in servers}
    numbers = [answer.json["place"] for answer in answers if answer.status == 201]
    assert len(set(numbers)) == places, f"one place promised twice: {sorted(numbers)}"
    await judge_invariants(db)


async def judge_invariants(db: Database) -> None:
    """No rule of invariants.sql is broken."""
    async with db.transaction() as session:
        found = await invariants.broken(session)
    assert not found, f"invariants broken: {found}"


async def until(db: Database, sql: str, *, seconds: float = 20) -> None:
    """Wait until the query says true; TimeoutError when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            if await seeds.value(db, sql):
                return
            await asyncio.sleep(0.01)


async def quiet(db: Database) -> None:
    """Wait until no other connection to this database is at work: whoever died has been cleared away."""
    busy = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state NOT IN ('idle')"
    )
    await until(db, f"SELECT ({busy}) = 0")


async def trace(db: Database, code: str) -> dict[str, Any]:
    """What the database holds about one code: state, slot, version, and each message and audit event of it."""
    found = await seeds.rows(
        db, "SELECT public_id, state, slot_id, version FROM appointment WHERE code = :code", code=code
    )
    if not found:
        return {}
    visit = found[0]
    told = await seeds.rows(
        db, "SELECT kind, state FROM message WHERE subject_id = :id ORDER BY id", id=visit["public_id"]
    )
    done = await seeds.rows(
        db, "SELECT action FROM audit_event WHERE object_id = :id ORDER BY id", id=str(visit["public_id"])
    )
    return {
        "state": visit["state"],
        "slot": visit["slot_id"],
        "version": visit["version"],
        "told": [row["kind"] for row in told],
        "due": [row["kind"] for row in told if row["state"] == "due"],
        "done": [row["action"].removeprefix("appointment.") for row in done],
    }
