"""The control of the replay: a client that cancels its commit and then only reads whether it was done is lied to.

A commit whose wait for the standby is cancelled is done on the primary, and on the primary alone. Who then reads finds
it, and believes. Who writes waits for the standby again, and believes only what two machines have.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

_TABLE: Final = "CREATE TABLE IF NOT EXISTS replay_control (key text PRIMARY KEY, replays int NOT NULL DEFAULT 0)"
_INSERT: Final = "INSERT INTO replay_control (key) VALUES ($1) ON CONFLICT DO NOTHING"
_READ: Final = "SELECT 1 FROM replay_control WHERE key = $1"
_WRITE: Final = (
    "INSERT INTO replay_control (key) VALUES ($1) ON CONFLICT (key) DO UPDATE SET"
    " replays = replay_control.replays + 1 RETURNING 1"
)
KEYS: Final = 20
_IMPATIENT: Final = 0.5
_UNTIL: Final = 90.0


async def prepare(url: str) -> None:
    """The table of the control."""
    connection = await asyncpg.connect(url)
    await connection.execute(_TABLE)
    await connection.execute("TRUNCATE replay_control")
    await connection.close()


async def believers(url: str, replay: str, mark: str) -> list[str]:
    """Clients that cancel, then replay by reading or by writing; the keys of those who believe that it was done."""
    ask = _by_reading if replay == "reading" else _by_writing
    believed = await asyncio.gather(*(_client(url, f"{mark}-{number}", ask) for number in range(KEYS)))
    return [key for key in believed if key is not None]


async def missing(url: str, keys: list[str]) -> int:
    """How many of what was believed is not there."""
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT key FROM replay_control")
    await connection.close()
    return len(set(keys) - {row["key"] for row in found})


async def _client(url: str, key: str, ask: Callable[[asyncpg.Connection, str], Awaitable[bool]]) -> str | None:
    loop = asyncio.get_running_loop()
    until = loop.time() + _UNTIL
    first = True
    while loop.time() < until:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(url, timeout=3)
            try:
                if first:
                    first = False
                    with contextlib.suppress(TimeoutError, asyncpg.QueryCanceledError):
                        await asyncio.wait_for(connection.execute(_INSERT, key), _IMPATIENT)
                if await ask(connection, key):
                    return key
            finally:
                connection.terminate()
        await asyncio.sleep(0.2)
    return None


async def _by_reading(connection: asyncpg.Connection, key: str) -> bool:
    return await connection.fetchval(_READ, key, timeout=2) is not None


async def _by_writing(connection: asyncpg.Connection, key: str) -> bool:
    warned: list[str] = []
    connection.add_log_listener(lambda _, message: warned.append(message.sqlstate))
    done = await connection.fetchval(_WRITE, key, timeout=10)
    return done is not None and not warned
