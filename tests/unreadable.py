"""Rows sealed under a key that this process does not have, and how many of them a job left out."""

from sqlalchemy import text

from booking.clock import utc_now
from booking.db import Database
from booking.sealed import Keyring
from booking.watch import queries
from tests.conftest import TEST_KEYS

_INDEX = TEST_KEYS["HENKHAM_INDEX_KEY"].encode()
LOST = Keyring({"k9": b"for-tests-only-a-key-that-was-lost-0123456789"}, _INDEX)
BOTH = Keyring({"k1": TEST_KEYS["HENKHAM_SEAL_KEY"].encode(), **LOST.secrets}, _INDEX)


async def mis_keyed(db: Database, table: str, row: int | None) -> None:
    """Its number is sealed under a key that this process does not have."""
    async with db.transaction() as session:
        change = text(f"UPDATE {table} SET phone = :phone WHERE id = :row")
        await session.execute(change, {"phone": LOST.seal("+84901234567"), "row": row})


async def left_out(db: Database, job: str) -> float:
    """How many rows monitoring reads that a job left out."""
    async with db.transaction() as session:
        readings = await queries.look(session, now=utc_now())
    (found,) = [one.value for one in readings if one.name == "rows_left_out" and one.labels == {"job_name": job}]
    return found
