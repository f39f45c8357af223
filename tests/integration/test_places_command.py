"""`henkham places`: positions are unknown until somebody enters them; nearness, map and calendar then know them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from booking.cli import places
from booking.clock import utc_now
from booking.db import Database
from booking.directory.seeding import seed_directory
from booking.settings import Settings
from tests.seeds import rows


def _apart(settings: Settings, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        db = Database(settings.database_url, pool=1)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(go())


async def _seed(db: Database) -> str:
    async with db.transaction() as session:
        await seed_directory(session, utc_now())
    return str((await rows(db, "SELECT code FROM facility ORDER BY code LIMIT 1"))[0]["code"])


async def _where(db: Database) -> list[dict[str, Any]]:
    return await rows(db, "SELECT code, latitude, longitude FROM facility WHERE latitude IS NOT NULL ORDER BY code")


async def _audited(db: Database) -> list[dict[str, Any]]:
    return await rows(db, "SELECT object_id, facts FROM audit_event WHERE action = 'facility.locate' ORDER BY id")


def test_a_position_is_entered_changed_and_taken_away(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    code = _apart(settings, _seed)
    assert places.show(settings, missing=True) == places.DONE
    everything = capsys.readouterr().out
    assert f"{code}\tunknown\t" in everything
    assert _apart(settings, _where) == [], "nobody has confirmed any"
    assert places.locate(settings, facility=code, latitude=10.351234, longitude=107.081234) == places.DONE
    assert places.locate(settings, facility=code, latitude=10.351234, longitude=107.081234) == places.NOTHING_CHANGED
    _apart(settings, _seed)  # an upgrade seeds again, and overwrites nothing
    assert _apart(settings, _where) == [{"code": code, "latitude": 10.351234, "longitude": 107.081234}]
    capsys.readouterr()
    assert places.show(settings, missing=True) == places.DONE
    assert f"{code}\t" not in capsys.readouterr().out
    assert places.forget(settings, facility=code) == places.DONE
    assert _apart(settings, _where) == []
    noted = _apart(settings, _audited)
    assert [one["object_id"] for one in noted] == [code, code]
    assert noted[0]["facts"]["position"] == [10.351234, 107.081234]


@pytest.mark.parametrize(
    ("facility", "latitude", "longitude"),
    [("", 107.08, 10.35), ("", 0.0, 0.0), ("", float("nan"), 107.0), ("no-such-place", 10.35, 107.08)],
    ids=["the two exchanged", "nowhere", "no number", "no such place"],
)
def test_a_position_that_cannot_be_is_refused(
    settings: Settings, facility: str, latitude: float, longitude: float
) -> None:
    code = _apart(settings, _seed)
    done = places.locate(settings, facility=facility or code, latitude=latitude, longitude=longitude)
    assert done == places.REFUSED
    assert _apart(settings, _where) == []
