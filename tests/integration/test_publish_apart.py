"""Facilities are published one by one: what stops one stops no other."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from booking.availability.commands import PublishSlots
from booking.db import Database
from booking.exchange import queries, service
from scheduler.jobs import publish_slots
from scheduler.jobs.publish_slots import SomeNotPublishedError
from tests.feeds import BY, NOW, Hospital, hospital_database, row, two_days
from tests.postgres import Cluster
from tests.seeds import value
from tests.timetables import place, weekly

pytestmark = pytest.mark.anyio
HORIZON = 8
TIMES = """
SELECT count(*) FROM slot JOIN facility ON facility.id = slot.facility_id
WHERE facility.code = :code AND slot.starts_at > '2026-11-25'
"""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
async def station(db: Database) -> None:
    """A second facility, after the hospital in every order."""
    async with db.transaction() as session:
        await weekly(session, await place(session, "X2"), first=date(2026, 11, 23))


async def publish(db: Database) -> None:
    await publish_slots.run(db, now=NOW, horizon_days=HORIZON, patience=0.2)


async def all_at_once(db: Database) -> None:
    """As it was: one transaction for all."""
    async with db.transaction() as session:
        await session.execute(text("SET LOCAL lock_timeout = '200ms'"))
        await service.publish(session, PublishSlots(horizon_days=HORIZON), by=BY, now=NOW)


async def made(db: Database) -> tuple[bool, bool]:
    """Whether days beyond the two that the database begins with are there, of the hospital and of the station."""
    return await value(db, TIMES, code="BVVT") > 0, await value(db, TIMES, code="X2") > 0


@pytest.mark.usefixtures("station")
async def test_a_facility_that_is_locked_is_left_for_the_next_run(db: Database) -> None:
    async with db.transaction() as importing:
        await service.alone_at(importing, "BVVT")
        with pytest.raises(SomeNotPublishedError, match=r"^BVVT$"):
            await publish(db)
        assert await made(db) == (False, True)
    await publish(db)
    assert await made(db) == (True, True)


@pytest.mark.usefixtures("station")
async def test_control_in_one_transaction_none_is_published_beside_an_import_of_one(db: Database) -> None:
    async with db.transaction() as importing:
        await service.alone_at(importing, "BVVT")
        with pytest.raises(DBAPIError):
            await all_at_once(db)
        assert await made(db) == (False, False)


@pytest.mark.usefixtures("station")
@pytest.mark.parametrize("apart", [True, False])
async def test_a_facility_at_fault_stops_no_other(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, apart: bool
) -> None:
    """And in one transaction it stopped all."""
    await Hospital(db).apply(row("1", "08:00"))
    settle = service.settle_anew

    async def fails(session: Any, feed: str, **more: Any) -> Any:
        assert feed != "x"
        return await settle(session, feed, **more)

    monkeypatch.setattr(service, "settle_anew", fails)
    with suppress(SomeNotPublishedError, AssertionError):
        await (publish if apart else all_at_once)(db)
    assert await made(db) == (False, apart)


@pytest.mark.usefixtures("station")
async def test_a_facility_is_published_while_another_one_imports(db: Database) -> None:
    """Neither waits for the other, whoever began."""
    async with db.transaction() as publishing:
        await service.publish(publishing, PublishSlots(facility="X2", horizon_days=HORIZON), by=BY, now=NOW)
        async with asyncio.timeout(20):
            await Hospital(db).apply(row("1", "08:00"))
    assert await value(db, TIMES, code="X2") > 0


@pytest.mark.usefixtures("station")
async def test_only_the_feeds_of_a_facility_are_settled_with_it(db: Database) -> None:
    await Hospital(db).apply(row("1", "08:00"))
    async with db.transaction() as session:
        found = [await queries.feeds_applied(session, code) for code in (None, "BVVT", "X2")]
    assert found == [["x"], ["x"], []]
