"""The schema comes from the migrations, and says what the models say."""

import asyncio
import sys

import httpx
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import booking.exchange.models  # noqa: F401  the one capability that create_app alone does not load
from booking.db import Database
from booking.dsn import async_url
from booking.main import create_app
from booking.migrations import upgrading
from booking.migrations.needed import head
from booking.migrations.upgrading import apply, current, migrate_async
from booking.settings import load
from tests import seeds
from tests.conftest import environment
from tests.forking import Forked
from tests.postgres import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, SQLModel.metadata))


async def _differences_of(url: str, *before: str) -> list[object]:
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in before:
            await connection.execute(text(statement))
        found = await connection.run_sync(_differences)
    await engine.dispose()
    return found


async def test_migrations_make_what_the_models_say(database_url: str) -> None:
    assert await _differences_of(database_url) == []


async def test_control_a_table_that_differs_is_seen(database_url: str) -> None:
    assert await _differences_of(database_url, "ALTER TABLE room ADD COLUMN colour text") != []
    assert await _differences_of(database_url, "DROP INDEX appointment_place_key") != []


async def test_every_constraint_of_the_models_is_in_the_database(db: Database) -> None:
    """Checks are beyond what Alembic compares."""
    wanted = {str(each.name) for table in SQLModel.metadata.tables.values() for each in table.constraints if each.name}
    found = {row["conname"] for row in await seeds.rows(db, "SELECT conname FROM pg_constraint")}
    assert wanted - found == set()
    assert {"slot_taken_check", "slot_places_check"} <= wanted


async def _version(url: str) -> str | None:
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        found = await current(connection)
    await engine.dispose()
    return found


async def test_down_to_nothing_and_up_again(cluster: Cluster) -> None:
    with cluster.database() as url:
        await migrate_async(url)
        assert await _version(url) == head()
        await apply(url, lambda made: command.downgrade(made, "base"))
        db = Database(url, pool=1)
        left = await seeds.rows(db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        kinds = await seeds.rows(
            db, "SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace "
            "WHERE nspname = 'public' AND typtype = 'e'",
        )  # fmt: skip
        assert left == [{"tablename": "alembic_version"}]
        assert kinds == []
        await db.close()
        await migrate_async(url)
        assert await _differences_of(url) == []


async def test_several_migrations_at_once_do_the_work_once(cluster: Cluster) -> None:
    with cluster.database() as url:
        program = f"from booking.migrations.upgrading import migrate; migrate({url!r})"
        started = [Forked[bytes]([sys.executable, "-c", program]) for _ in range(3)]
        assert [await asyncio.to_thread(each.wait) for each in started] == [0, 0, 0]
        assert await _version(url) == head()
        assert await _differences_of(url) == []


async def test_a_second_time_changes_nothing(database_url: str) -> None:
    await migrate_async(database_url)
    assert await _version(database_url) == head()


async def test_a_migration_waits_for_no_table_longer_than_it_may_and_then_changes_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(upgrading, "TRIES", 2)
    monkeypatch.setattr(upgrading, "APART", 0.1)
    with cluster.database() as url:
        db = Database(url, pool=2)
        await seeds.run(db, "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
        async with db.transaction() as session:
            await session.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await migrate_async(url)
        left = await seeds.rows(db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert left == [{"tablename": "alembic_version"}]
        await db.close()
        await migrate_async(url)  # and the lock it held is free again
        assert await _version(url) == head()


async def _crossed(url: str) -> None:
    """Somebody holds a table that a step back wants, and then asks for one that the step holds."""
    db = Database(url, pool=1)
    try:
        async with db.transaction() as session:
            await session.execute(text("LOCK TABLE patient IN ROW SHARE MODE"))
            step = asyncio.create_task(apply(url, lambda made: command.downgrade(made, "0029")))
            holds = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
            while not (await session.execute(holds)).scalar_one():  # noqa: ASYNC110  another's lock
                await asyncio.sleep(0.02)
            await session.execute(text("LOCK TABLE data_request IN ROW SHARE MODE"))
        await step
    finally:
        await db.close()


async def test_a_migration_gives_way_to_who_holds_what_it_wants_and_then_goes_on(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "APART", 0.2)
    with cluster.database() as url:
        await migrate_async(url)
        await _crossed(url)
        assert await _version(url) == "0029"


async def test_control_a_migration_that_does_not_give_way_is_a_deadlock(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "LOCK_TIMEOUT", "60s")
    monkeypatch.setattr(upgrading, "TRIES", 1)
    with cluster.database() as url:
        await migrate_async(url)
        with pytest.raises(DBAPIError, match="deadlock detected"):
            await _crossed(url)


async def test_readiness_tells_a_schema_that_is_behind(cluster: Cluster) -> None:
    with cluster.database() as url:
        app = create_app(load(environment(url)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
            behind = await client.get("/readyz")
            assert behind.status_code == 503
            assert behind.json()["checks"]["database"] == "ok"
            assert str(head()) in behind.json()["checks"]["migrations"]
            await migrate_async(url)
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.get("/healthz")).json() == {"status": "ok"}
        await app.state.db.close()
    app = create_app(load(environment("postgresql://nobody@127.0.0.1:1/none")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
