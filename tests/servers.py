"""Real servers of the app on loopback, and the plain HTTP that talks to them over one connection a request.

    async with servers(database_url, 2) as (first, second):
        answer = await first.ask("POST", "/api/v1/appointments", body, {"Idempotency-Key": key})
        first.kill()

Each server is a process of its own (tests/served.py); `answer.pid` says which one answered.
"""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import orjson
import psutil

from tests.conftest import environment
from tests.forking import Forked

ROOT = Path(__file__).parent.parent
_READY_TRIES = 400


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)

    @property
    def pid(self) -> int:
        """The process that answered."""
        return int(self.headers["x-test-pid"])

    @property
    def points(self) -> list[str]:
        """What the request passed, where it carried X-Test-Kill."""
        found: list[str] = json.loads(self.headers["x-test-points"])
        return found


@dataclass
class Caller:
    """One open TCP connection with a request on its tip: nothing is sent before `go`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: bytes

    async def go(self) -> Answer:
        """Send, and read the answer. ConnectionError when the server dies over it."""
        try:
            self.writer.write(self.request)
            await self.writer.drain()
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return Answer(int(head[0].split(" ")[1]), headers, body)
        except asyncio.IncompleteReadError as problem:
            raise ConnectionResetError("the server went away") from problem
        finally:
            self.writer.close()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()


@dataclass
class Server:
    """One process."""

    pid: int
    port: int
    nursery: "Nursery" = field(repr=False)

    async def caller(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Caller:
        """A connection that is ready to ask."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        lines = {
            "Host": "henkham.test",
            "Connection": "close",
            "Accept-Language": "en",
            "Content-Length": str(len(content)),
            **({"Content-Type": "application/json"} if content else {}),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return Caller(reader, writer, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + content)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        return await (await self.caller(method, path, body, headers)).go()

    def kill(self) -> None:
        """kill -9; nothing when it is dead already."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until the process is no more; TimeoutError when it lives on."""
        async with asyncio.timeout(20):
            while True:
                if not psutil.pid_exists(self.pid):
                    return
                await asyncio.sleep(0.01)


@cache
def _forking() -> "subprocess.Popen[bytes]":
    """The process that forks servers, for all tests of this one."""
    made = Forked[bytes](
        [sys.executable, "-m", "tests.served"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(_end, made)
    return made


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


class Nursery:
    """The servers of one test, forked by a process that stays."""

    def __init__(self, url: str, **settings: str) -> None:
        self.environment = environment(url, HENKHAM_DATABASE_POOL="16", **settings)
        self._process = _forking()
        self._servers: list[Server] = []

    async def server(self, variant: str = "as_it_is") -> Server:
        """One more server, ready to answer."""
        order = json.dumps({"variant": variant, "environment": self.environment}) + "\n"
        born = json.loads(await asyncio.to_thread(self._order, order.encode()))
        server = Server(born["pid"], born["port"], self)
        self._servers.append(server)
        for _ in range(_READY_TRIES):
            with contextlib.suppress(OSError):
                answer = await server.ask("GET", "/readyz")
                assert answer.status == 200, answer.body
                assert answer.pid == server.pid
                return server
            await asyncio.sleep(0.05)
        raise AssertionError("the server does not start")

    def _order(self, line: bytes) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()

    async def close(self) -> None:
        """End every server it has."""
        for server in self._servers:
            server.kill()
        for server in self._servers:
            await server.gone()


@asynccontextmanager
async def nursery(url: str, **settings: str) -> AsyncIterator[Nursery]:
    """A nursery for one database; `settings` are HENKHAM_ variables. No server outlives the block."""
    made = Nursery(url, **settings)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def servers(url: str, number: int, *, variant: str = "as_it_is", **settings: str) -> AsyncIterator[list[Server]]:
    """So many servers on one database."""
    async with nursery(url, **settings) as made:
        yield [await made.server(variant) for _ in range(number)]


async def at_once(callers: Sequence[Caller]) -> list[Answer]:
    """All requests released together by a barrier; answers in the callers' order."""
    barrier = asyncio.Barrier(len(callers))

    async def one(caller: Caller) -> Answer:
        await barrier.wait()
        return await caller.go()

    return await asyncio.gather(*(one(caller) for caller in callers))
