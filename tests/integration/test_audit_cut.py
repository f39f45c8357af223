"""The audit loses its old end and is whole all the same; nobody makes it shorter than twelve months, or unseen."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.trail import sealing, shortening
from booking.trail.sealing import Verified
from booking.trail.service import record
from tests import seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
BY = system("tests")
_FORGED = """
WITH gone AS (DELETE FROM audit_seal WHERE id = (SELECT min(id) FROM audit_seal) RETURNING *)
INSERT INTO audit_cut (to_xact, digest, newest_at, cut_at, mark)
SELECT to_xact, digest, now() - interval '800 days', now(), '\\x00' FROM gone
"""


async def _sealed(db: Database, *days: int) -> None:
    """An event of each age, with a seal of its own as old."""
    for age in days:
        at = clock.utc_now() - timedelta(days=age)
        async with db.transaction() as session:
            record(session, "a", "thing", str(age), by=BY, now=at)
        sealed = None
        while sealed is None:  # the server's own transactions may hold the end back for a moment
            async with db.transaction() as session:
                sealed = await sealing.seal(session, now=at)


async def _verify(db: Database) -> Verified:
    async with db.transaction() as session:
        return await sealing.verify(session, now=clock.utc_now())


async def _shorten(db: Database, *, most: int = shortening.AT_ONCE, later: int = 0) -> int:
    async with db.transaction() as session:
        return await shortening.shorten(session, now=clock.utc_now() + timedelta(days=later), most=most)


async def _left(db: Database) -> list[str]:
    return [row["object_id"] for row in await seeds.rows(db, "SELECT object_id FROM audit_event ORDER BY id")]


async def test_what_is_older_than_its_period_goes_and_the_rest_is_whole(db: Database) -> None:
    border = shortening.AUDIT_KEPT.days
    await _sealed(db, border + 70, border + 1, border - 1, 3)
    assert await _shorten(db) == 2
    assert await _left(db) == [str(border - 1), "3"]
    found = await _verify(db)
    assert (found.seals, found.events, found.findings) == (2, 2, [])
    assert await _shorten(db) == 0
    await _sealed(db, 0)
    assert (await _verify(db)).findings == []
    assert await _shorten(db, later=2) == 1
    assert (await _verify(db)).findings == []


async def test_it_goes_in_batches_and_to_the_last_event(db: Database) -> None:
    await _sealed(db, 900, 899, 898)
    assert [await _shorten(db, most=2) for _ in range(3)] == [2, 1, 0]
    await _sealed(db, 1)
    found = await _verify(db)
    assert (found.seals, found.events, found.findings) == (1, 1, [])


async def test_nobody_makes_twelve_months_shorter_by_a_clock_of_her_own(db: Database) -> None:
    await _sealed(db, 360, 300)
    with pytest.raises(DBAPIError, match="12 months"):
        await _shorten(db, later=2_000)
    assert await _left(db) == ["360", "300"]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM audit_event", "DELETE FROM audit_cut", "UPDATE audit_cut SET mark = 'x'", "TRUNCATE audit_cut"]
)
async def test_only_the_function_removes(db: Database, sql: str) -> None:
    await _sealed(db, 900, 3)
    await _shorten(db)
    with pytest.raises(DBAPIError, match="append-only"):
        await seeds.run(db, sql)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE audit_cut SET newest_at = newest_at - interval '1 day'", {"forged"}),
        ("UPDATE audit_cut SET digest = '\\x00'", {"forged", "changed"}),
        ("DELETE FROM audit_cut", {"gap", "changed"}),
        (_FORGED, {"forged", "before"}),
        ("UPDATE audit_event SET xact = 1 WHERE object_id = '3'", {"before", "changed"}),
    ],
)
async def test_whoever_makes_an_old_end_of_her_own_is_found_out(db: Database, sql: str, what: set[str]) -> None:
    await _sealed(db, 900, 4, 3)
    await _shorten(db)
    assert (await _verify(db)).findings == []
    async with db.transaction() as session:
        for change in ("DISABLE", "ENABLE"):
            for table in ("audit_event", "audit_seal", "audit_cut"):
                await session.execute(text(f"ALTER TABLE {table} {change} TRIGGER ALL"))
            if change == "DISABLE":
                await session.execute(text(sql))
    assert {finding.what for finding in (await _verify(db)).findings} == what
