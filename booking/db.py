"""The engine, and the only commit.

Two ways in, never mixed on one connection:

`transaction()` gives an AsyncSession inside one transaction; it commits at the end, shielded from cancellation.
`hot()` gives a bare asyncpg connection, outside any transaction, for the few statements that are a whole transaction
in themselves (booking, a list of slots). SQLAlchemy sends BEGIN lazily, so a raw statement inside a session's
transaction could commit by itself. That is why the two never share a connection, nor a pool: fetching the driver's
connection through SQLAlchemy's pool costs more than the statement's own round trip.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from booking import dsn
from booking.errors import BookingError, Busy, OutcomeUnknown
from booking.hot import Hot
from booking.ids import jitter

T = TypeVar("T")

POOL_TIMEOUT = 10.0
"""Seconds a request waits for a free connection."""

LOST_FOR = 8.0
"""Seconds we look for the true outcome of a commit whose answer was lost, before we say that we do not know."""

# The server ended the connection or undid the work to break a deadlock: nothing is known, or nothing was done.
_LOST_STATES = frozenset({
    "57P01", "57P02", "57P03", "57P04", "57P05", "40001", "40003", "40P01", "08000", "08001", "08003", "08004", "08006",
    "08007", "25006", "53300",
})  # fmt: skip

_COUNTERS_REFUSED = "get_relation_info"
"""Where it says "cannot access temporary or unlogged relations during recovery", in whatever language."""

_LOST_ERRORS = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLEOFError)
_LOST_NUMBERS = frozenset({
    None,  # the event loop's own summary: several addresses of one name were tried
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH,
})  # fmt: skip


class Database:
    """One engine of one process."""

    def __init__(self, url: str, *, pool: int = 16, application: str = "henkham") -> None:
        self.engine: AsyncEngine = create_async_engine(
            dsn.async_url(url),
            pool_size=pool,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            hide_parameters=True,  # an error's text would quote them: names and numbers of patients
            pool_pre_ping=False,  # costs a round trip for each request; a broken connection is an error we replay
            connect_args={
                "server_settings": {"application_name": application, "timezone": "UTC"},
                "timeout": 5,
                **dsn.tls(url),
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _still_there)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._dsn, self._tls = dsn.plain_url(url), dsn.tls(url)
        self._pool_size = pool
        self._application = application
        self._hot: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self.hot_opened: Callable[[Any], Awaitable[None]] | None = None
        """What is done with each new hot connection; set before the first is opened."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises.

        A commit is never cancelled: a client that hangs up in that moment must not leave us believing one thing and
        the database another.

        Raises:
            Busy: no connection was free for POOL_TIMEOUT; nothing was done.
        """
        session = self._sessions()
        try:
            await session.begin()
            yield session
            await _to_the_end(session.commit())
        except PoolTimeout as problem:
            raise Busy(retry_after=2) from problem
        finally:
            await _to_the_end(session.close())

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Hot]:
        """A connection of the driver's own, in autocommit: each statement is a transaction.

        Raises:
            Busy: no connection was free for POOL_TIMEOUT; nothing was done.
            Unconfirmed: a statement's wait for the standby was cut short.
        """
        pool = self._hot or await self._open_hot()
        try:
            connection = await pool.acquire(timeout=POOL_TIMEOUT)
        except TimeoutError as problem:
            raise Busy(retry_after=2) from problem
        try:
            async with _watched(connection):
                yield connection
        finally:
            await pool.release(connection)

    async def _open_hot(self) -> asyncpg.Pool:
        async with self._opening:
            if self._hot is None:
                self._hot = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._pool_size,
                    init=self.hot_opened,
                    timeout=5,
                    **self._tls,
                    server_settings={
                        "application_name": f"{self._application}-hot",
                        "timezone": "UTC",
                        # Hot statements go by keys, so one plan fits all values; planning costs more than running.
                        "plan_cache_mode": "force_generic_plan",
                        # That one plan may be made while a table is nearly empty; it must not read it whole for ever.
                        "enable_seqscan": "off",
                    },
                    # Nothing of ours outlives a statement, so there is nothing to reset between two.
                    reset=_leave_as_it_is,
                )
        return self._hot

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for session-level locks (one process may do this at a time)."""
        async with self.engine.connect() as connection:
            yield connection

    async def until_known(self, work: Callable[[], Awaitable[T]], *, patience: float = LOST_FOR) -> T:
        """Run work that may safely run again (it carries a key, or is the same twice) until its outcome is known.

        An error after COMMIT was sent means *unknown*, not failed. So we reconnect and run the work again: a repeat
        that finds its own key answers what the first run did.

        What the repeat finds may be a commit whose wait for a standby was cut short. So we then write a word of our own
        and wait for that one: where it has arrived, everything before it has.

        Raises:
            OutcomeUnknown: after `patience` seconds; the caller shows that we are still confirming.
        """
        return await self._repeated(work, patience, after=self._confirm)

    async def _confirm(self) -> None:
        async with asyncio.timeout(LOST_FOR), self.hot() as hot:
            await hot.fetchval("SELECT pg_logical_emit_message(true, 'henkham', '')")

    async def _repeated(
        self, work: Callable[[], Awaitable[T]], patience: float, *, after: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        loop = asyncio.get_running_loop()
        end, lost = loop.time() + patience, False
        while True:
            try:
                return await _followed(work, after if lost else None)
            except Exception as problem:
                if not is_lost(problem):
                    raise
                lost = True
                if loop.time() >= end:
                    raise OutcomeUnknown(retry_after=2) from problem
            await asyncio.sleep(jitter(0.05, 0.3))

    async def reading(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a read until it has an answer.

        Raises:
            Busy: the database did not answer for LOST_FOR seconds; nothing was changed.
        """
        try:
            return await self._repeated(work, LOST_FOR)
        except OutcomeUnknown as problem:
            raise Busy(retry_after=2) from problem

    async def close(self) -> None:
        """Give all connections back."""
        if self._hot is not None:
            await self._hot.close()
        await self.engine.dispose()


async def _leave_as_it_is(_: object) -> None:
    """Between two users of a hot connection."""


class Unconfirmed(ConnectionError):
    """A commit is done here, and perhaps only here: somebody cut the wait for the standby short."""


async def _followed(work: Callable[[], Awaitable[T]], after: Callable[[], Awaitable[None]] | None) -> T:
    answer = await work()
    if after is not None:
        await after()
    return answer


@asynccontextmanager
async def _watched(connection: Any) -> AsyncIterator[None]:
    """Hear the server's warning that a commit is not on the standby; it says so beside the answer, as if all were well.

    Raises:
        Unconfirmed: when the block ends and it was heard: the outcome is open like that of a lost connection.
    """
    heard: list[str] = []

    def listen(_: object, message: Any) -> None:
        # Its text is in the server's language; where it comes from is not. By the server's own end it has a state.
        if message.server_source_function == "SyncRepWaitForLSN":
            heard.append(message.sqlstate)

    connection.add_log_listener(listen)
    try:
        yield
    finally:
        connection.remove_log_listener(listen)
    if heard:
        raise Unconfirmed


def _still_there(dbapi_connection: Any, record: object, proxy: object) -> None:  # noqa: ARG001
    """Give out no connection that the driver knows to be closed: costs no round trip, unlike a ping."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run the work to its end even when we are cancelled meanwhile, however often; the cancellation follows then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as again:
            cancelled = again
    # Asked for in any case: an error nobody asks for is printed by the event loop, values and all.
    problem = None if task.cancelled() else task.exception()
    if cancelled is not None:
        raise cancelled from problem
    task.result()


def _is_no_primary(problem: asyncpg.PostgresError) -> bool:
    """A machine that is not the primary yet refuses counters, which are unlogged, in other words than a write."""
    return isinstance(problem, asyncpg.FeatureNotSupportedError) and problem.server_source_function == _COUNTERS_REFUSED


def is_lost(problem: BaseException) -> bool:
    """Whether an error means that the connection or the transaction is gone and the outcome is open."""
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or is_lost(problem.orig or Exception())
    if isinstance(problem, asyncpg.PostgresError):
        return getattr(problem, "sqlstate", None) in _LOST_STATES or _is_no_primary(problem)
    if isinstance(problem, asyncpg.InternalClientError):
        return True  # the server's farewell lay unread in the connection when a statement was to be sent
    if isinstance(problem, asyncpg.InterfaceError):
        return "closed" in str(problem) or "released" in str(problem)
    if problem.__cause__ is not None and problem.__cause__ is not problem and not isinstance(problem, BookingError):
        drivers = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
        return isinstance(problem.__cause__, drivers) and is_lost(problem.__cause__)
    # A file that is not there, or a disk that is full, is no lost connection: trying again only hides it.
    return isinstance(problem, _LOST_ERRORS) or (type(problem) is OSError and problem.errno in _LOST_NUMBERS)
