"""An HTTP client that costs as little as possible: kept connections, one request each at a time."""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

import httptools


class LostError(Exception):
    """The connection ended before the answer did."""


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    @property
    def retry_after(self) -> float:
        """Seconds until another try; 1 where none are named."""
        return float(self.headers.get(b"retry-after", b"1"))


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[Answer] | None = None
        self._new()

    def _new(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._found = Answer()
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(LostError(str(exc or "closed")))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._found.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._found.status = self._parser.get_status_code()
        self._found.body = b"".join(self._parts)
        found = self._found
        if not self._parser.should_keep_alive():
            self.close()
        self._new()
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(found)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
            self.transport = None


class Client:
    """Asks one of several web processes after the other, each over connections that are kept."""

    def __init__(self, ports: list[int], *, patience: float = 30.0) -> None:
        self._ports = cycle(ports)
        self._free: dict[int, deque[_Line]] = {port: deque() for port in ports}
        self._patience = patience

    async def ask(self, request: bytes) -> Answer:
        """Send one request as it stands.

        Raises:
            LostError: the connection broke, or no answer came within the patience.
        """
        port = next(self._ports)
        try:
            async with asyncio.timeout(self._patience):
                line = self._kept(port)
                if line is not None:
                    with contextlib.suppress(LostError):  # it was closed for having been idle: as browsers, once more
                        return await self._over(line, port, request)
                _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", port)
                return await self._over(line, port, request)
        except (OSError, TimeoutError) as problem:
            raise LostError(type(problem).__name__) from None

    async def _over(self, line: _Line, port: int, request: bytes) -> Answer:
        line.answer = asyncio.get_running_loop().create_future()
        if line.transport is None:
            raise LostError("closed")
        line.transport.write(request)
        answer = await line.answer
        if line.transport is not None:
            self._free[port].append(line)
        return answer

    def _kept(self, port: int) -> _Line | None:
        free = self._free[port]
        while free:
            line = free.pop()
            if line.transport is not None:
                return line
        return None

    def close(self) -> None:
        """Let every connection go."""
        for lines in self._free.values():
            for line in lines:
                line.close()


def get(path: str, *, of: str) -> bytes:
    """A GET of somebody at an address."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {of}\r\n\r\n".encode()


def post(path: str, body: bytes, *, of: str, key: str = "", token: str = "") -> bytes:
    """A POST of JSON, with its key where it makes something, and the token where it changes something."""
    keyed = f"Idempotency-Key: {key}\r\n" if key else ""
    keyed += f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {of}\r\nContent-Type: application/json\r\n"
        f"{keyed}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
