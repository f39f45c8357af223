"""Bringing a database up to date with Alembic; several may try at once."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from booking.db import async_url

ADVISORY_LOCK = 0x48656E4B68616D  # "HenKham": one migration at a time, whoever starts it
LOCK_TIMEOUT = "5s"
"""A migration waits this long for a table, then gives up: it must never queue in front of patients."""


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


async def migrate_async(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url`.

    Raises:
        sqlalchemy.exc.DBAPIError: when a lock was not to be had within LOCK_TIMEOUT; nothing was changed then.
    """
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def migrate(url: str, revision: str = "head") -> None:
    """Like `migrate_async`, for commands and fixtures."""
    asyncio.run(migrate_async(url, revision))


def grant(url: str) -> None:
    """Give each role what it may do with each table, no more: the tables are there, the roles too."""
    asyncio.run(_grant(url))


async def _grant(url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            plain = await connection.get_raw_connection()
            assert plain.driver_connection is not None
            await plain.driver_connection.execute(GRANTS.read_text("utf-8"))
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, revision)
