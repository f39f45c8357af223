"""The scheduler's quiet jobs: holds given back, invariants asked, old records removed once a day."""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, time, timedelta

import httpx
import pytest
from sqlalchemy import text

from booking import clock
from booking.db import Database
from booking.ids import opaque_key, public_id
from booking.retention.table import TABLE
from booking.trail.models import IdempotencyRecord, RateCounter
from scheduler.jobs import check_invariants, housekeeping, release_holds
from tests import people, seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]

NIGHT = clock.at_local(clock.local_day(clock.utc_now()), time(3))


async def _count(db: Database, sql: str) -> int:
    async with db.transaction() as session:
        return int((await session.execute(text(sql))).scalar_one())


async def _held(client: httpx.AsyncClient, world: seeds.World, slot: int) -> None:
    headers = {"Idempotency-Key": opaque_key(), "Henkham-Device": opaque_key()}
    answer = await client.post("/api/v1/holds", json=world.hold(slot), headers=headers)
    assert answer.status_code == 201, answer.text


async def test_expired_holds_are_given_back_and_live_ones_are_kept(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    for slot in [world.slots[0], world.slots[0], world.slots[1]]:
        await _held(client, world, slot)
    assert await release_holds.run(db) == 0
    await seeds.age_holds(db)
    await _held(client, world, world.slots[1])
    assert await release_holds.run(db) == 3
    assert await release_holds.run(db) == 0
    assert await _count(db, "SELECT sum(taken) FROM slot") == 1


async def test_history_is_asked_about_once_a_day_and_what_is_near_each_time(db: Database) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    broken, back = "UPDATE slot SET free_places = :places WHERE id = :id", [1, 2]
    await seeds.run(db, broken, places=[1, 1], id=world.slots[0])
    starts = await seeds.value(db, "SELECT starts_at FROM slot WHERE id = :id", id=world.slots[0])
    day = clock.local_day(starts)
    night, noon = time(3), time(12)
    assert await check_invariants.run(db, now=clock.at_local(day, night)) == 1
    assert await check_invariants.run(db, now=clock.at_local(day + timedelta(days=1), night)) == 1
    later = day + timedelta(days=2)
    assert await check_invariants.run(db, now=clock.at_local(later, night)) == 0  # too far back for every minute
    assert await check_invariants.run(db, now=clock.at_local(later, noon)) == 1  # the day's full run
    assert await check_invariants.run(db, now=clock.at_local(later, noon)) == 0
    await seeds.run(db, broken, places=back, id=world.slots[0])


async def test_a_broken_invariant_is_an_alarm_with_ids_only(
    db: Database, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    world = await seeds.seed(db, capacities=[2])
    body = world.booking(world.slots[0], people.patient(1))
    assert (
        await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": opaque_key()})
    ).status_code == 201
    assert await check_invariants.run(db) == 0
    await seeds.run(db, "UPDATE message SET version = 7")
    with caplog.at_level(logging.ERROR):
        assert await check_invariants.run(db) == 2
    told = [record.__dict__["facts"] for record in caplog.records]
    assert {one["invariant"] for one in told} == {
        "every_version_was_told", "nothing_waits_to_be_sent_about_an_earlier_version",
    }  # fmt: skip
    assert all(
        name.endswith("_id") or name in {"version", "state"} for one in told for row in one["rows"] for name in row
    )
    await seeds.run(db, "UPDATE message SET version = 1")


async def _old_and_new(db: Database, now: datetime) -> None:
    """An answer and a counter that are still kept, and one of each that is not."""
    async with db.transaction() as session:
        for days in (29, 31):
            made = now - timedelta(days=days)
            session.add(
                IdempotencyRecord(
                    scope="s", key=str(days), body_hash=b"", subject=public_id(), answer="{}", created_at=made
                )
            )
        for days in (1, 3):
            session.add(RateCounter(limit_name="x", subject=b"x", window_start=now - timedelta(days=days), tries=1))


async def test_old_records_are_removed_once_a_day(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[3])
    for _ in range(2):
        await _held(client, world, world.slots[0])
    await seeds.age_holds(db)
    await release_holds.run(db)
    await seeds.run(
        db,
        "UPDATE appointment SET expires_at = :at WHERE id = (SELECT min(id) FROM appointment)",
        at=NIGHT - timedelta(days=8),
    )
    await seeds.run(db, "DELETE FROM idempotency_record")
    await seeds.run(db, "DELETE FROM rate_counter")
    await _old_and_new(db, NIGHT)
    assert await housekeeping.run(db, now=NIGHT - timedelta(hours=1)) == 0
    assert sum(await asyncio.gather(housekeeping.run(db, now=NIGHT), housekeeping.run(db, now=NIGHT))) == 3
    assert await _count(db, "SELECT count(*) FROM idempotency_record") == 1
    assert await _count(db, "SELECT count(*) FROM rate_counter") == 1
    assert await _count(db, "SELECT count(*) FROM appointment") == 1
    await _old_and_new_again(db)
    assert await housekeeping.run(db, now=NIGHT + timedelta(hours=5)) == 0
    assert await housekeeping.run(db, now=NIGHT + timedelta(days=1)) > 0


async def _old_and_new_again(db: Database) -> None:
    await seeds.run(db, "DELETE FROM idempotency_record")
    await seeds.run(db, "DELETE FROM rate_counter")
    await _old_and_new(db, NIGHT)


async def test_an_effect_that_fails_is_left_to_the_next_run(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await _old_and_new(db, NIGHT)

    async def fails(*_: object, **__: object) -> int:
        raise LookupError("away")

    kinds = [replace(kept, sweep=fails) if kept.name == "counters" else kept for kept in TABLE]
    with monkeypatch.context() as broken:
        broken.setattr(housekeeping, "TABLE", kinds)
        assert await housekeeping.run(db, now=NIGHT) == 1  # the others went
    assert await housekeeping.run(db, now=NIGHT) == 1
