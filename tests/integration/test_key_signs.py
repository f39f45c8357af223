"""A process with other keys than its database's takes no bookings: it does not start, is not ready, and says why."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking import keyed
from booking.cli import checking, keys
from booking.db import Database
from booking.main import create_app
from booking.settings import Settings, SettingsError, load
from tests import seeds
from tests.asking import booked
from tests.conftest import TEST_KEYS, environment

pytestmark = pytest.mark.anyio
OTHER = "for-tests-only-a1b2c3d4e5f6a7b8-another-one"
OLD = f'{{"k1": "{TEST_KEYS["HENKHAM_SEAL_KEY"]}"}}'


def _with(url: str, **more: str) -> Settings:
    return load(environment(url, **more))


async def _agrees(db: Database, settings: Settings) -> list[str]:
    try:
        await keyed.agree(db, settings)
    except SettingsError as problem:
        return problem.problems
    return []


async def _ready(settings: Settings) -> httpx.Response:
    app: FastAPI = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        answer = await client.get("/readyz")
    await app.state.db.close()
    return answer


@pytest.mark.postgres15
@pytest.mark.parametrize("name", ["HENKHAM_SEAL_KEY", "HENKHAM_INDEX_KEY"])
async def test_other_keys_are_refused_by_start_check_and_readiness(db: Database, database_url: str, name: str) -> None:
    ours, other = _with(database_url), _with(database_url, **{name: OTHER})
    assert await _agrees(db, ours) == []
    (said,) = await _agrees(db, other)
    assert name in said
    assert OTHER not in said
    answer = await _ready(other)
    assert answer.status_code == 503
    assert name in answer.json()["checks"]["keys"]
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(checking.run, other)
    assert ended.value.code == 78
    assert await _agrees(db, ours) == [], "and nothing of the other was put down"
    assert (await _ready(ours)).status_code == 200
    assert await asyncio.to_thread(checking.run, ours) == 0


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["scheduler"]])
async def test_neither_web_nor_scheduler_starts(db: Database, database_url: str, command: list[str]) -> None:
    await keyed.agree(db, _with(database_url))
    told = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "booking", *command],
        env={**os.environ, **environment(database_url, HENKHAM_SEAL_KEY=OTHER)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.returncode == 78
    assert "the key k1 is not the one this database knows" in told.stderr


async def test_of_a_database_that_knows_no_key_yet_what_it_holds_decides(
    db: Database, database_url: str, client: httpx.AsyncClient
) -> None:
    world = await seeds.seed(db, capacities=(1,))
    await booked(client, world, world.slots[0], 1)
    (said,) = await _agrees(db, _with(database_url, HENKHAM_SEAL_KEY=OTHER))
    assert "opens nothing" in said
    (said,) = await _agrees(db, _with(database_url, HENKHAM_INDEX_KEY=OTHER))
    assert "HENKHAM_INDEX_KEY" in said
    assert await _agrees(db, _with(database_url)) == []


async def test_control_an_empty_database_takes_whichever_comes_first(db: Database, database_url: str) -> None:
    first, second = _with(database_url, HENKHAM_SEAL_KEY=OTHER), _with(database_url)
    assert await _agrees(db, first) == []
    assert await _agrees(db, second)


async def test_a_key_is_exchanged_in_the_steps_of_the_manual(db: Database, database_url: str) -> None:
    new: dict[str, Any] = {"HENKHAM_SEAL_KEY": OTHER, "HENKHAM_SEAL_KEY_ID": "k2"}
    assert await _agrees(db, _with(database_url)) == []
    (said,) = await _agrees(db, _with(database_url, **new))
    assert "none of these is given" in said, "step 2 with the earlier key forgotten"
    assert await _agrees(db, _with(database_url, HENKHAM_SEAL_KEYS_OLD=f'{{"k2": "{OTHER}"}}')) == []
    slip = {**new, "HENKHAM_SEAL_KEY": "for-tests-only-0f9e8d7c6b5a4938-a-slip-of-k2"}
    (said,) = await _agrees(db, _with(database_url, **slip, HENKHAM_SEAL_KEYS_OLD=OLD))
    assert "the key k2" in said
    assert await _agrees(db, _with(database_url, **new, HENKHAM_SEAL_KEYS_OLD=OLD)) == []
    assert await asyncio.to_thread(keys.rotate, _with(database_url, **new, HENKHAM_SEAL_KEYS_OLD=OLD)) == keys.DONE
    assert await _agrees(db, _with(database_url, **new)) == []
    assert (await _ready(_with(database_url, **new))).status_code == 200


async def test_one_that_started_while_the_database_was_away_ends_itself(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *given: ended.append(given))
    monkeypatch.setattr(keyed, "_AGAIN", 0.0)
    asked: list[int] = []
    real = keyed.agree

    async def away_at_first(database: Database, settings: Settings) -> None:
        asked.append(1)
        if len(asked) < 3:
            raise ConnectionRefusedError
        await real(database, settings)

    monkeypatch.setattr(keyed, "agree", away_at_first)
    await keyed.end_where_others(db, _with(database_url))
    assert (len(asked), ended) == (3, [])
    await keyed.end_where_others(db, _with(database_url, HENKHAM_SEAL_KEY=OTHER))
    assert ended == [(os.getpid(), signal.SIGTERM)]
