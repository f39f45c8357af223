"""Streams of real servers, read block by block from the socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.servers import Server


@dataclass
class Wire:
    """A stream over a socket, read block by block."""

    reader: asyncio.StreamReader
    headers: str

    async def block(self) -> str | None:
        """The next block; None when the server has ended the answer."""
        async with asyncio.timeout(30):
            size = int((await self.reader.readline()).strip() or b"0", 16)
            if not size:
                return None
            chunk = await self.reader.readexactly(size + 2)
        return chunk.decode().strip()

    async def until(self, word: str) -> str:
        """The first block with the word."""
        while True:
            found = await self.block()
            assert found is not None, f"ended before {word!r}"
            if word in found:
                return found


@asynccontextmanager
async def stream(server: Server, path: str, **headers: str) -> AsyncIterator[Wire]:
    """Ask, and listen until the block ends; `Last_Event_ID="…"` is a header."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: henkham.test\r\nAccept-Language: en\r\n{more}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 200"), head
    yield Wire(reader, head)
    writer.close()
