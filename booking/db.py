"""The engine, and the only commit.

Two ways in, never mixed on one connection:

`transaction()` gives an AsyncSession inside one transaction; it commits at the end, shielded from cancellation.
`hot()` gives the bare asyncpg connection of the same pool, outside any transaction, for the few statements that are a
whole transaction in themselves (booking, a list of slots). SQLAlchemy sends BEGIN lazily, so a raw statement inside a
session's transaction could commit by itself: that is why the two never share a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from booking.errors import BookingError, OutcomeUnknown
from booking.hot import Hot
from booking.ids import jitter

T = TypeVar("T")

LOST_FOR = 8.0
"""Seconds we look for the true outcome of a commit whose answer was lost, before we say that we do not know."""

# The server ended the connection or undid the work to break a deadlock: nothing is known, or nothing was done.
_LOST_STATES = frozenset({"57P01", "57P02", "57P03", "40P01", "40001", "08000", "08003", "08006", "08001", "25006"})


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
            try:
                yield driver
            except Exception as problem:
                if is_lost(problem):  # raw errors pass SQLAlchemy by, so the pool must be told
                    await connection.invalidate()
                raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for session-level locks (one process may do this at a time)."""
        async with self.engine.connect() as connection:
            yield connection

    async def until_known(self, work: Callable[[], Awaitable[T]], *, patience: float = LOST_FOR) -> T:
        """Run work that may safely run again (it carries a key, or is the same twice) until its outcome is known.

        An error after COMMIT was sent means *unknown*, not failed. So we reconnect and run the work again: a repeat
        that finds its own key answers what the first run did.

        Raises:
            OutcomeUnknown: after `patience` seconds; the caller shows that we are still confirming.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while True:
            try:
                return await work()
            except Exception as problem:
                if not is_lost(problem):
                    raise
                if loop.time() >= end:
                    raise OutcomeUnknown(retry_after=2) from problem
            await asyncio.sleep(jitter(0.05, 0.3))

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


def is_lost(problem: BaseException) -> bool:
    """Whether an error means that the connection or the transaction is gone and the outcome is open."""
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or is_lost(problem.orig or Exception())
    if isinstance(problem, asyncpg.PostgresError):
        return getattr(problem, "sqlstate", None) in _LOST_STATES
    if isinstance(problem, asyncpg.InterfaceError):
        return "closed" in str(problem) or "released" in str(problem)
    if problem.__cause__ is not None and problem.__cause__ is not problem and not isinstance(problem, BookingError):
        return isinstance(problem.__cause__, (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)) and is_lost(
            problem.__cause__
        )
    return isinstance(problem, (ConnectionError, OSError, TimeoutError))
