"""The app as real server processes for tests: a nursery that forks one server for each line it is sent.

    python -m tests.served        stdin:  {"variant": "as_it_is", "environment": {...}}    stdout: {"pid": 1, "port": 2}

Importing the product takes a second or two, a fork some milliseconds: a test may kill as many servers as it likes.
Every answer carries the process that gave it in X-Test-Pid. A request with X-Test-Kill: N ends its server with SIGKILL
at the Nth point it passes (before and after each statement and COMMIT); X-Test-Points names the points it passed.
Nothing of this is in the product: the app is wrapped and patched here, from outside.
"""

import ctypes
import gc
import json
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import event
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking.db import Database
from booking.main import create_app
from booking.settings import load
from tests.variants import VARIANTS

NEVER = 10_000


@dataclass
class Points:
    """The points one request passed, and the one at which its server shall die."""

    deadly: int = NEVER
    passed: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        """Pass a point."""
        self.passed.append(name)
        if len(self.passed) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


_points: ContextVar[Points | None] = ContextVar("_points", default=None)


def _reach(name: str) -> None:
    points = _points.get()
    if points is not None:
        points.reach(name)


def _word(sql: str) -> str:
    return " ".join(sql.split()[:2])[:40]


class _Watched:
    """A driver's connection that passes a point before and after each statement."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._inner, name)
        if name not in ("fetch", "fetchrow", "fetchval"):
            return there

        async def run(sql: str, *values: object) -> Any:
            _reach(f"before {_word(sql)}")
            found = await there(sql, *values)
            _reach(f"after {_word(sql)} (committed)")
            return found

        return run


def watch(database: Database) -> None:
    """Make every statement and COMMIT of this process a point."""
    hot = database.hot

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with hot() as connection:
            yield _Watched(connection)

    database.hot = watched  # type: ignore[method-assign]
    engine = database.engine.sync_engine

    def before(_c: Any, _cu: Any, sql: str, *_: Any) -> None:
        _reach(f"before {_word(sql)}")

    def after(_c: Any, _cu: Any, sql: str, *_: Any) -> None:
        _reach(f"after {_word(sql)}")

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    commit = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        _reach("before COMMIT")
        commit(connection)
        _reach("after COMMIT")

    engine.dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]


class Wrapped:
    """The app, telling which process answers and dying where it is told to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadly = dict(scope["headers"]).get(b"x-test-kill")
        points = Points(int(deadly)) if deadly else None
        _points.set(points)

        async def send_with_pid(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-test-pid", str(os.getpid()).encode())]
                if points is not None:
                    message["headers"].append((b"x-test-points", json.dumps(points.passed).encode()))
            await send(message)

        await self._app(scope, receive, send_with_pid)


def app_of(order: dict[str, Any]) -> FastAPI:
    """The app of one server."""
    app = create_app(load(order["environment"]))
    watch(app.state.db)
    VARIANTS[order["variant"]](app)
    return app


def _serve(order: dict[str, Any], listening: socket.socket) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: no server outlives the nursery
    config = uvicorn.Config(Wrapped(app_of(order)), log_level="critical", access_log=False, lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


def _fork(run: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        run()
    finally:
        os._exit(0)


def main() -> None:
    """Serve orders until stdin ends; every server ends with us."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended, so none stays behind as a zombie
    warnings.simplefilter("ignore")
    logging.disable()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)

        def run(order: dict[str, Any] = order, listening: socket.socket = listening) -> None:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(order, listening)

        pid = _fork(run)
        port = listening.getsockname()[1]
        listening.close()
        sys.stdout.write(json.dumps({"pid": pid, "port": port}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
