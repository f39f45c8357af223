"""Bringing a database up to date with Alembic; several may try at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from booking import dsn

ADVISORY_LOCK = 0x48656E4B68616D  # "HenKham": one migration at a time, whoever starts it
LOCK_TIMEOUT = "500ms"
"""A migration waits this long for a table, then takes its change back and tries again: whoever comes for that table
meanwhile waits behind it. Shorter than PostgreSQL's `deadlock_timeout` (1 s), so that of a migration and a booking
that hold what the other wants it is always the migration that gives way."""
BUILD_TIMEOUT = "5min"
"""For an index that is built beside the traffic: nobody waits behind it, it waits for whoever began before it."""
TRIES, APART = 60, 1.0
"""So often, with so many seconds between, before somebody is told that a table was not to be had."""
_IN_THE_WAY = ("55P03", "40P01")
"""lock_not_available and deadlock_detected: another's work, not a fault of the migration."""

GRANTS = Path(__file__).parent / "grants.sql"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


async def current(connection: AsyncConnection) -> str | None:
    """The revision the database has; None for an empty one."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def apply(url: str, change: Callable[[Config], None]) -> None:
    """Let Alembic make a change at `url`, again and again while other work is in its way.

    Each migration is a transaction of its own or may be repeated, so another try goes on where the last one stood.

    Raises:
        sqlalchemy.exc.DBAPIError: when a lock was not to be had in TRIES; that migration changed nothing then.
    """
    engine = create_async_engine(dsn.async_url(url), poolclass=NullPool, connect_args=dsn.tls(url))
    try:
        for left in reversed(range(TRIES)):
            try:
                async with engine.connect() as connection:
                    await connection.run_sync(_run, change)
            except DBAPIError as problem:
                if left == 0 or getattr(problem.orig, "sqlstate", None) not in _IN_THE_WAY:
                    raise
                await asyncio.sleep(APART)
            else:
                return
    finally:
        await engine.dispose()


async def migrate_async(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url`. Raises as `apply`."""
    await apply(url, lambda made: command.upgrade(made, revision))


def migrate(url: str, revision: str = "head") -> None:
    """Like `migrate_async`, for commands and fixtures."""
    asyncio.run(migrate_async(url, revision))


def grant(url: str) -> None:
    """Give each role what it may do with each table, no more: the tables are there, the roles too."""
    asyncio.run(_grant(url))


async def _grant(url: str) -> None:
    engine = create_async_engine(dsn.async_url(url), poolclass=NullPool, connect_args=dsn.tls(url))
    try:
        async with engine.begin() as connection:
            plain = await connection.get_raw_connection()
            assert plain.driver_connection is not None
            await plain.driver_connection.execute(GRANTS.read_text("utf-8"))
    finally:
        await engine.dispose()


def _run(connection: Connection, change: Callable[[Config], None]) -> None:
    made = config()
    made.attributes["connection"] = connection
    change(made)
