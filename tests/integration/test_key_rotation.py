"""Keys are exchanged while the service runs: everything is sealed anew, nothing is lost, and the old key may go."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from booking import sealed
from booking.cli import keys
from booking.db import Database
from booking.migrations import resealing
from booking.sealed import UnsealError
from booking.settings import Settings, load
from tests.conftest import TEST_KEYS, environment
from tests.outbox import write

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
NEW = "for-tests-only-0a9b8c7d6e5f4a3b-the-new-seal"


def _settings(url: str, **more: str) -> Settings:
    return load(environment(url, **more))


def _after(url: str) -> Settings:
    """The new key, and the old one still known."""
    old = f'{{"k1": "{TEST_KEYS["HENKHAM_SEAL_KEY"]}"}}'
    return _settings(url, HENKHAM_SEAL_KEY=NEW, HENKHAM_SEAL_KEY_ID="k2", HENKHAM_SEAL_KEYS_OLD=old)


async def _ran(work: Any, settings: Settings) -> int:
    code: int = await asyncio.to_thread(work, settings)
    return code


async def _phones(db: Database) -> list[str]:
    async with db.transaction() as session:
        query = text("SELECT phone FROM message ORDER BY id").columns(phone=sealed.Sealed())
        return [row.phone for row in await session.execute(query)]


async def test_everything_is_sealed_anew_and_the_old_key_may_go(db: Database, database_url: str) -> None:
    numbers = [f"+8490312{number:04}" for number in range(resealing.AT_ONCE + 50)]
    for number in numbers:
        await write(db, phone=number)
    settings = _after(database_url)
    sealed.install(settings.keyring())
    later = await write(db, phone="+84903999999")  # a process with the new key writes beside it
    assert await _ran(keys.status, settings) == keys.LEFT
    assert await _ran(keys.rotate, settings) == keys.DONE
    assert await _ran(keys.status, settings) == keys.DONE
    alone = _settings(database_url, HENKHAM_SEAL_KEY=NEW, HENKHAM_SEAL_KEY_ID="k2")
    sealed.install(alone.keyring())
    assert await _phones(db) == [*numbers, later.phone]


async def test_a_row_that_somebody_holds_is_left_for_the_next_round(db: Database, database_url: str) -> None:
    held, free = await write(db), await write(db)
    settings = _after(database_url)
    async with db.transaction() as session:
        await session.execute(text(f"SELECT FROM message WHERE id = {held.id} FOR UPDATE"))
        assert await _ran(keys.rotate, settings) == keys.LEFT
    assert await _ran(keys.rotate, settings) == keys.DONE
    assert len(await _phones(db)) == len({held.id, free.id})


async def test_without_the_old_key_it_says_which_is_missing_and_changes_nothing(
    db: Database, database_url: str
) -> None:
    await write(db)
    alone = _settings(database_url, HENKHAM_SEAL_KEY=NEW, HENKHAM_SEAL_KEY_ID="k2")
    assert await _ran(keys.rotate, alone) == keys.UNREADABLE
    with pytest.raises(UnsealError):  # the new key alone reads nothing of what was there
        await _phones(db)
    sealed.install(_settings(database_url).keyring())
    assert len(await _phones(db)) == 1


def test_every_encrypted_column_is_among_the_places() -> None:
    names = {place.name for place in resealing.places()}
    assert {"patient.phone", "patient.citizen_id", "account.phone", "message.secret", "staff.authenticator"} <= names
    assert len(names) >= 12
