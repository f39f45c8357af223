"""A server that nobody stands before takes no head of any length into memory. Control: without the bounds it does."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking.web.connections import LARGEST_HEAD

HUGE = 64 * 2**20
"""Bytes of one header."""

SERVE = """
import sys
from booking.cli import serving
if sys.argv[2] == "control":
    serving._HOW["http"] = "httptools"
serving.run_on(int(sys.argv[1]), "tests.integration.test_large_heads:application")
"""


def application() -> Any:
    """Says nothing but that it was asked."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@contextlib.contextmanager
def _serving(kind: str) -> Iterator[tuple[int, int]]:
    """Port and pid of a server as `henkham serve` makes it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, number = listening.getsockname()[1], listening.fileno()
        server = subprocess.Popen([sys.executable, "-c", SERVE, str(number), kind], pass_fds=[number])
    try:
        assert _asked(port, b"").startswith(b"HTTP/1.1 204")
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in (0, -signal.SIGTERM)


def _asked(port: int, header: bytes) -> bytes:
    """The answer to a request with one more header, or nothing where the connection was closed over it."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line, contextlib.suppress(ConnectionError):
        line.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: " + header + b"\r\n\r\n")
        return line.recv(1_000)
    return b""


def _most(pid: int) -> int:
    """Bytes of memory the process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize(("kind", "grows"), [("bounded", False), ("control", True)])
def test_a_huge_header_is_not_taken_into_memory(kind: str, grows: bool) -> None:  # noqa: FBT001  pytest gives it
    with _serving(kind) as (port, pid):
        before = _most(pid)
        answer = _asked(port, b"a" * HUGE)
        assert answer.startswith(b"HTTP/1.1 204") == grows
        assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 204")) or not answer
        assert (_most(pid) - before > HUGE // 2) == grows
        assert _asked(port, b"a" * (LARGEST_HEAD // 2)).startswith(b"HTTP/1.1 204")
        if not grows:
            assert _most(pid) - before < 8 * 2**20
