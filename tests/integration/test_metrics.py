"""What monitoring reads: only with the token, true numbers, and nothing about anybody."""

import re
from datetime import time, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from booking import clock
from booking.clock import utc_now
from booking.db import Database
from booking.main import create_app
from booking.settings import Settings, load
from booking.watch import queries
from booking.web import metrics
from scheduler.jobs import check_invariants, say_alive
from tests import people
from tests.asking import BASE, book, booked, refused
from tests.conftest import environment
from tests.outbox import write
from tests.seeds import add_slot, run, seed, value

pytestmark = pytest.mark.anyio
TOKEN = "metrics-token-of-a-test-0123456789abcdef"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return load(environment(database_url, HENKHAM_METRICS_TOKEN=TOKEN))


async def _read(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_without_the_token_there_is_no_such_page(client: httpx.AsyncClient) -> None:
    never_was = await client.get("/metric")
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
        answer = await client.get("/metrics", headers=given)
        assert answer.status_code == never_was.status_code == 404


async def test_where_no_token_is_set_nobody_opens_it(database_url: str) -> None:
    app: FastAPI = create_app(load(environment(database_url)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        for given in ("Bearer ", "Bearer None", f"Bearer {TOKEN}"):
            assert (await client.get("/metrics", headers={"Authorization": given})).status_code == 404
    await app.state.db.close()


async def test_bookings_refusals_and_answers_are_counted_by_route_never_by_path(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seed(db, capacities=(1,))
    before = await _read(client)
    made = await booked(client, world, world.slots[0])
    refused(await book(client, world, world.slots[0], 2), 409, "slot_full")
    await client.get(f"/t/{made['code']}/{made['token']}")
    after = await _read(client)

    def more(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert more('henkham_booked_total{door="api"}') == 1
    assert more('henkham_refusals_total{code="slot_full"}') == 1
    assert more(f'henkham_requests_total{{method="POST",route="{BASE}/appointments",status="201"}}') == 1
    assert more('henkham_request_seconds_count{route="/t/{code}/{token}"}') == 1
    page = (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text
    for secret in (made["token"], made["code"], people.patient(1)["name"], people.patient(1)["phone"]):
        assert secret not in page


async def test_what_waits_too_long_shows(client: httpx.AsyncClient, db: Database) -> None:
    assert (await _read(client))['henkham_sms_oldest_due_seconds{lane="visit"}'] == 0
    await write(db, due_in=-300.0)
    found = await _read(client)
    assert found['henkham_sms_messages{lane="visit",state="due"}'] == 1
    assert 299 < found['henkham_sms_oldest_due_seconds{lane="visit"}'] < 600


async def test_a_scheduler_that_lives_is_told_from_one_that_never_was(client: httpx.AsyncClient, db: Database) -> None:
    assert (await _read(client))["henkham_scheduler_silent_seconds"] > timedelta(days=300).total_seconds()
    await say_alive.run(db)
    await say_alive.run(db)
    assert (await _read(client))["henkham_scheduler_silent_seconds"] < 120


async def test_a_broken_rule_shows_by_its_name_and_is_gone_when_it_holds_again(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seed(db, capacities=(2,))
    extra = await add_slot(db, world, capacity=2)
    await check_invariants.run(db)
    calm = {name: value for name, value in (await _read(client)).items() if "invariant_broken" in name}
    assert calm
    assert set(calm.values()) == {0.0}
    async with db.transaction() as session:
        await session.execute(text(f"UPDATE slot SET taken = 1, free_places = '{{2}}' WHERE id = {extra}"))
    await check_invariants.run(db, now=utc_now())
    broken = {name: value for name, value in (await _read(client)).items() if "invariant_broken" in name and value}
    assert len(broken) >= 1
    async with db.transaction() as session:
        await session.execute(text(f"UPDATE slot SET taken = 0, free_places = '{{1, 2}}' WHERE id = {extra}"))
    await check_invariants.run(db, now=utc_now())
    again = {name: value for name, value in (await _read(client)).items() if "invariant_broken" in name}
    assert set(again.values()) == {0.0}


async def test_what_the_night_found_broken_shows_until_it_was_asked_about_again(
    client: httpx.AsyncClient, db: Database
) -> None:
    """A slot of two days ago: each minute looks at what is near alone, and must not call the night's word off."""
    world = await seed(db, capacities=(2,))
    spoilt = "UPDATE slot SET free_places = :places WHERE id = :id"
    await run(db, spoilt, places=[1, 1], id=world.slots[0])
    starts = await value(db, "SELECT starts_at FROM slot WHERE id = :id", id=world.slots[0])
    noon = clock.at_local(clock.local_day(starts) + timedelta(days=2), time(12))

    async def shown() -> float:
        return max(of for name, of in (await _read(client)).items() if "invariant_broken" in name)

    assert await check_invariants.run(db, now=noon) == 1
    assert await check_invariants.run(db, now=noon + timedelta(minutes=1)) == 0
    assert await shown() == 1
    await run(db, spoilt, places=[1, 2], id=world.slots[0])
    assert await check_invariants.run(db, now=noon + timedelta(minutes=59)) == 0
    assert await shown() == 1, "nobody asked about it since"
    assert await check_invariants.run(db, now=noon + timedelta(minutes=61)) == 0
    assert await shown() == 0


def test_every_reading_has_its_help() -> None:
    named = set(re.findall(r'Reading\("(\w+)"', Path(queries.__file__).read_text("utf-8")))
    assert named == set(metrics.HELP)


async def test_a_rule_that_is_no_more_is_broken_no_more(client: httpx.AsyncClient, db: Database) -> None:
    for name in ("invariant_broken", "invariant_broken_earlier"):
        await run(db, "INSERT INTO observation VALUES (:name, 'of_an_older_version', 3, now())", name=name)
    shown = 'henkham_invariant_broken{invariant="of_an_older_version"}'
    assert (await _read(client))[shown] == 3
    await check_invariants.run(db)
    assert shown not in await _read(client)


async def test_an_audit_that_was_never_sealed_has_an_age(client: httpx.AsyncClient, db: Database) -> None:
    name = "henkham_audit_sealed_seconds"
    assert name not in await _read(client)  # nobody did anything yet
    await run(db, "INSERT INTO audit_event (at, actor_kind, action, object_kind, object_id, result, facts)"
        " VALUES (now() - interval '2 hours', 'system', 'sms.resume', 'sms_channel', 'x', 'done', '{}')")  # fmt: skip
    assert (await _read(client))[name] >= 7200


async def test_numbers_whose_text_was_lost_show_by_fault(client: httpx.AsyncClient, db: Database) -> None:
    for number in (1, 2, 2):
        await write(db, phone=f"+8490123000{number}")
    lost = "UPDATE message SET state = 'undelivered', fault = 'content', changed_at = now()"
    await run(db, lost)
    assert (await _read(client))['henkham_sms_lost{fault="content"}'] == 2
    await run(db, "UPDATE message SET changed_at = now() - interval '61 minutes'")
    assert 'henkham_sms_lost{fault="content"}' not in await _read(client)
