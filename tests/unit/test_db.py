"""What counts as lost, and the work that a cancellation must not break off."""

import asyncio
import errno
import gc
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from booking.db import Database, _to_the_end, is_lost
from booking.errors import Busy

SECRET = "0903123456"
LOST = [
    *(asyncpg.PostgresError.new({"C": state, "M": "x"}) for state in (
        "57P01", "57P02", "57P03", "57P04", "57P05", "40001", "40003", "40P01", "08000", "08001", "08003", "08004",
        "08006", "08007", "25006", "53300",
    )),
    asyncpg.PostgresError.new({"C": "0A000", "M": "no unlogged relation during recovery", "R": "get_relation_info"}),
    ConnectionResetError(), ConnectionRefusedError(), BrokenPipeError(), TimeoutError(), socket.gaierror(-3, "again"),
    OSError(errno.EHOSTUNREACH, "no route"), OSError("Multiple exceptions: [Errno 111], [Errno 111]"),
    asyncpg.InternalClientError("x"), asyncpg.ProtocolError("x"), asyncpg.InterfaceError("connection is closed"),
]  # fmt: skip
KNOWN = [
    *(asyncpg.PostgresError.new({"C": state, "M": "x"}) for state in ("23505", "23514", "22P02", "42601", "57014")),
    FileNotFoundError(errno.ENOENT, "no file"), PermissionError(errno.EACCES, "no"), IsADirectoryError(),
    OSError(errno.ENOSPC, "disk full"), OSError(errno.EMFILE, "too many files"), ValueError(), KeyError(),
    asyncpg.InterfaceError("wrong argument"),
    asyncpg.PostgresError.new({"C": "0A000", "M": "not supported", "R": "transformStmt"}),
]  # fmt: skip


@pytest.mark.parametrize("problem", LOST, ids=repr)
def test_a_lost_connection_is_lost_however_it_is_wrapped(problem: Exception) -> None:
    assert is_lost(problem)
    assert is_lost(DBAPIError("SELECT 1", {}, problem))
    assert is_lost(_caused(RuntimeError(), problem))


@pytest.mark.parametrize("problem", KNOWN, ids=repr)
def test_any_other_error_is_not_tried_again(problem: Exception) -> None:
    assert not is_lost(problem)
    assert not is_lost(DBAPIError("SELECT 1", {}, problem))
    assert not is_lost(_caused(RuntimeError(), problem))


def test_our_own_refusal_is_not_lost_whatever_led_to_it() -> None:
    assert not is_lost(_caused(Busy(retry_after=1), ConnectionResetError()))


def _caused(problem: Exception, cause: Exception) -> Exception:
    problem.__cause__ = cause
    return problem


async def _cancelled_twice(to_the_end: Callable[[Any], Awaitable[None]]) -> list[str]:
    """Work in three steps, cancelled after each of the first two; what had been done when the waiting ended."""
    done: list[str] = []
    steps = [asyncio.Event() for _ in range(3)]

    async def work() -> None:
        for number, step in enumerate(steps):
            await step.wait()
            done.append(f"step {number}")

    waiting = asyncio.ensure_future(to_the_end(work()))
    seen: list[str] = []
    waiting.add_done_callback(lambda _: seen.extend(done))
    for step in steps:
        await _settled()
        waiting.cancel()
        await _settled()
        step.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await _settled()
    return seen


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _to_the_first_cancel_only(work: Any) -> None:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


@pytest.mark.anyio
async def test_work_is_done_to_the_end_however_often_it_is_cancelled() -> None:
    assert await _cancelled_twice(_to_the_end) == ["step 0", "step 1", "step 2"]


@pytest.mark.anyio
async def test_control_a_shield_for_one_cancellation_leaves_the_work_behind() -> None:
    assert await _cancelled_twice(_to_the_first_cancel_only) != ["step 0", "step 1", "step 2"]


def test_the_errors_of_the_work_come_out_and_nobody_else_prints_them(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_failing(_to_the_end))  # on a loop that is as it is in the product
    assert SECRET not in caplog.text


def test_control_an_error_nobody_asked_for_is_printed_values_and_all(caplog: pytest.LogCaptureFixture) -> None:
    async def left_behind(work: Any) -> None:
        await asyncio.shield(asyncio.ensure_future(work))

    asyncio.run(_failing(left_behind))
    assert SECRET in caplog.text


async def _failing(to_the_end: Callable[[Any], Awaitable[None]]) -> None:
    """Work that fails after its waiter was cancelled, and work that fails before its waiter's eyes."""
    go = asyncio.Event()

    async def work() -> None:
        await go.wait()
        raise ValueError(SECRET)

    cancelled = asyncio.ensure_future(to_the_end(work()))
    await _settled()
    cancelled.cancel()
    await _settled()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    with pytest.raises(ValueError, match=SECRET):
        await to_the_end(work())
    del cancelled
    gc.collect()
    await _settled()


@pytest.mark.anyio
async def test_errors_of_the_engine_quote_no_values() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    assert database.engine.sync_engine.hide_parameters
    await database.close()
