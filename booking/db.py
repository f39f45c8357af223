"""The engine, and the only commit.

Two ways in, never mixed on one connection:

`transaction()` gives an AsyncSession inside one transaction; it commits at the end, shielded from cancellation.
`hot()` gives the bare asyncpg connection of the same pool, outside any transaction, for the few statements that are a
whole transaction in themselves (booking, a list of slots). SQLAlchemy sends BEGIN lazily, so a raw statement inside a
session's transaction could commit by itself: that is why the two never share a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine


class Hot(Protocol):
    """What a single-statement service may use of asyncpg's connection."""

    async def fetchrow(self, query: str, *args: object) -> Mapping[str, Any] | None:
        """The first row, or None."""

    async def fetch(self, query: str, *args: object) -> Sequence[Mapping[str, Any]]:
        """All rows."""

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first value of the first row, or None."""


def async_url(url: str) -> URL:
    """The URL operators write (postgresql://...), for the driver we use."""
    return make_url(url).set(drivername="postgresql+asyncpg")


class Database:
    """One engine of one process."""

    def __init__(self, url: str, *, pool: int = 16, application: str = "henkham") -> None:
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,  # costs a round trip for each request; a broken connection is an error we replay
            connect_args={"server_settings": {"application_name": application, "timezone": "UTC"}, "timeout": 5},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises.

        A commit is never cancelled: a client that hangs up in that moment must not leave us believing one thing and
        the database another.
        """
        session = self._sessions()
        try:
            await session.begin()
            yield session
            await asyncio.shield(session.commit())
        finally:
            await asyncio.shield(session.close())

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Hot]:
        """The driver's own connection, in autocommit: each statement is a transaction."""
        async with self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver: Hot = raw.driver_connection  # type: ignore[assignment]
            yield driver

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for session-level locks (one process may do this at a time)."""
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()
