"""Listening to a stream of the app in this process, as a browser does over the wire.

async with streams.opened(app, path, headers) as stream:
    stream.status, stream.headers
    first = await stream.event()            # an Event: id, name, data
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Event:
    """One event; a heartbeat has no id."""

    id: str | None
    name: str | None
    data: Any


@dataclass
class Stream:
    """An answer that goes on."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    _chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    _text: str = ""

    async def _block(self) -> str | None:
        while "\n\n" not in self._text:
            chunk = await self._chunks.get()
            if chunk is None:
                self.ended = True
                return None
            self._text += chunk.decode()
        block, _, self._text = self._text.partition("\n\n")
        return block

    async def raw(self, seconds: float = 20) -> str | None:
        """The next block as it came; None when the stream has ended. TimeoutError when nothing comes."""
        async with asyncio.timeout(seconds):
            return await self._block()

    async def event(self, seconds: float = 20) -> Event | None:
        """The next event with data; None when the stream has ended."""
        async with asyncio.timeout(seconds):
            while (block := await self._block()) is not None:
                fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
                if "data" in fields:
                    return Event(fields.get("id"), fields.get("event"), orjson.loads(fields["data"]))
        return None

    async def until(self, word: str, seconds: float = 20) -> Event:
        """The first event whose data holds the word."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.event()
                assert found is not None, f"the stream ended before {word!r} came"
                if word in str(found.data):
                    return found


@asynccontextmanager
async def opened(
    app: ASGIApp, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", address: str = "10.0.0.1"
) -> AsyncIterator[Stream]:
    """Ask, and listen until the block ends; then the reader hangs up."""
    stream, gone, begun = Stream(), asyncio.Event(), asyncio.Event()
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": (address, 5000), "server": ("henkham.test", 80),
    }  # fmt: skip
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            stream.status = message["status"]
            stream.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            begun.set()
        elif message.get("body"):
            stream._chunks.put_nowait(message["body"])

    async def run() -> None:
        try:
            await app(scope, receive, send)
        finally:
            stream._chunks.put_nowait(None)
            begun.set()

    task = asyncio.create_task(run())
    try:
        async with asyncio.timeout(20):
            await begun.wait()
        yield stream
    finally:
        gone.set()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(20):
                await task
