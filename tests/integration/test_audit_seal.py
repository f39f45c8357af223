"""The audit is append-only, and whoever gets round that is found out."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.trail import sealing
from booking.trail.sealing import Verified
from booking.trail.service import record
from tests import seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
BY = system("tests")
_SLIPPED_IN = """
INSERT INTO audit_event (at, actor_kind, action, object_kind, object_id, result, facts, xact)
SELECT at, actor_kind, 'y', object_kind, object_id, result, facts, xact FROM audit_event WHERE action = 'b'
"""


async def _write(db: Database, *actions: str) -> None:
    for action in actions:
        async with db.transaction() as session:
            record(session, action, "thing", "1", by=BY, now=clock.utc_now(), number=7)


async def _seal(db: Database) -> int:
    async with db.transaction() as session:
        made = await sealing.seal(session, now=clock.utc_now())
        return made.events if made is not None else 0


async def _all_sealed(db: Database) -> int:
    """Seal until nothing is left: the server's own transactions (an analyse) may hold the end back for a moment."""
    sealed = 0
    while await seeds.value(db, "SELECT count(*) FROM audit_event") > (await _verify(db)).events:
        sealed += await _seal(db)
    return sealed


async def _verify(db: Database) -> Verified:
    async with db.transaction() as session:
        return await sealing.verify(session, now=clock.utc_now())


async def _behind_the_back(db: Database, sql: str) -> None:
    """What somebody with the database's own rights can do: take the guard away first."""
    async with db.transaction() as session:
        for table in ("audit_event", "audit_seal"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        await session.execute(text(sql))
        for table in ("audit_event", "audit_seal"):
            await session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER ALL"))


async def test_what_was_written_is_sealed_once_and_whole(db: Database) -> None:
    await _write(db, "a", "b")
    assert await _all_sealed(db) == 2
    assert await _seal(db) == 0
    await _write(db, "c")
    assert await _all_sealed(db) == 1
    found = await _verify(db)
    assert (found.seals, found.events, found.findings) == (2, 3, [])


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
async def test_the_database_refuses_to_change_it(db: Database, sql: str) -> None:
    await _write(db, "a")
    with pytest.raises(DBAPIError, match="append-only"):
        await seeds.run(db, sql)
    assert await seeds.value(db, "SELECT action FROM audit_event") == "a"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE audit_event SET action = 'x' WHERE action = 'b'", {"changed"}),
        ("UPDATE audit_event SET facts = '{\"number\": 8}' WHERE action = 'b'", {"changed"}),
        ("UPDATE audit_event SET at = at + interval '1 second' WHERE action = 'c'", {"changed"}),
        ("DELETE FROM audit_event WHERE action = 'a'", {"changed"}),
        (_SLIPPED_IN, {"changed"}),
        ("DELETE FROM audit_seal WHERE id = (SELECT min(id) FROM audit_seal)", {"gap", "changed"}),
        ("UPDATE audit_seal SET events = events + 1 WHERE id = (SELECT max(id) FROM audit_seal)", {"changed"}),
    ],
)
async def test_whoever_changes_it_all_the_same_is_found_out(db: Database, sql: str, what: set[str]) -> None:
    await _write(db, "a", "b")
    await _all_sealed(db)
    await _write(db, "c")
    await _all_sealed(db)
    assert (await _verify(db)).findings == []
    await _behind_the_back(db, sql)
    assert {finding.what for finding in (await _verify(db)).findings} == what


async def test_a_transaction_that_is_still_open_is_left_to_the_next_seal(db: Database) -> None:
    """The control: sealed by the ids alone, the late one would fall before the seal and be missing from it."""
    async with db.transaction() as slow:
        record(slow, "slow", "thing", "1", by=BY, now=clock.utc_now())
        await slow.flush()
        await _write(db, "quick")
        assert await _seal(db) == 0
    lower = await seeds.rows(db, "SELECT action FROM audit_event ORDER BY id")
    assert [row["action"] for row in lower] == ["slow", "quick"]
    assert await _all_sealed(db) == 2
    assert (await _verify(db)).findings == []


async def test_events_nobody_seals_are_found(db: Database) -> None:
    async with db.transaction() as session:
        old = clock.utc_now() - sealing._OVERDUE * 2
        record(session, "a", "thing", "1", by=BY, now=old)
    assert [finding.what for finding in (await _verify(db)).findings] == ["unsealed"]
    await _all_sealed(db)
    assert (await _verify(db)).findings == []
