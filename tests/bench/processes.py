"""The processes that are measured: one web process, a new database, and what CPU they took."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import psutil

from booking.embedded import Server
from booking.migrations.upgrading import migrate


@contextlib.contextmanager
def web(factory: str, probe: str, variables: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A uvicorn of one worker; its address and pid."""
    port = variables["PORT"]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", port, "--workers", "1", "--no-access-log",
         "--log-level", "warning"],
        env={**os.environ, **variables},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        await_answer(f"{address}{probe}")
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(20)


def await_answer(address: str) -> None:
    """Wait until it answers; the bench ends where it never does."""
    for _ in range(1200):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{address} does not answer")


def cpu(pid: int) -> float:
    """Seconds of CPU that a process took."""
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


def database_cpu(server: Server) -> float:
    """Likewise all processes of the database."""
    postmaster = psutil.Process(server.pid)
    total = 0.0
    for process in [postmaster, *postmaster.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            total += spent.user + spent.system
    return total


def database(server: Server, name: str) -> str:
    """The address of a new, migrated database."""
    server.create_database(name)
    url = server.url(name)
    migrate(url)
    return url
