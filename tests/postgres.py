"""PostgreSQL servers and databases for tests: one server per run and version, one cloned database per test or module.

    with running(WHEEL) as cluster:                     # once per run: half a second
        template = cluster.template(migrate)            # once per run: the schema comes from the migrations
        with cluster.database(template) as url: ...     # per test or module: some 10 ms

What thousands of tests do goes over one open connection, in a thread whose loop stays: a `psql`, a thread and an engine
for each database cost more than the databases.

The fixtures built on this are in conftest.py.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import make_url

from booking import embedded
from booking.embedded.places import reachable

WHEEL = 18
"""The version every test runs on."""
LOWEST = 15
"""The oldest version we promise; Debian 12 has it."""
_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30
"""Bytes; a folder in memory with less than that free is not used: containers often have 64 MB."""


T = TypeVar("T")


def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `asyncio.run(work())` gives, in a thread of its own: a browser's loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


class Hands:
    """A thread with a loop of its own and one open connection to the server's `postgres` database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self.do(asyncpg.connect(url))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def sql(self, statement: str) -> None:
        """One statement on the open connection."""
        self.do(self._connection.execute(statement))

    def close(self) -> None:
        """Nothing is left afterwards."""
        self.do(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Cluster:
    """One server and the databases that tests make in it."""

    def __init__(self, server: embedded.Server, major: int, hands: Hands) -> None:
        self.server = server
        self.major = major
        self.hands = hands
        self._numbers = itertools.count(1)
        self._templates: dict[Callable[[str], None], str] = {}
        self._left: list[str] = []

    def template(self, prepare: Callable[[str], None]) -> str:
        """The name of a template that `prepare(url)` filled: called once, and it must close its connections.

        Nobody can connect to it afterwards, so that no test changes what the others start from.
        """
        if prepare not in self._templates:
            name = f"henkham_template_{next(self._numbers)}"
            self.server.create_database(name)
            with ThreadPoolExecutor(1) as thread:  # as in `apart`
                thread.submit(prepare, self.server.url(name)).result()
            self.server.sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            self._templates[prepare] = name
        return self._templates[prepare]

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a database of one's own, a copy of `template`; dropped afterwards with whoever is connected.

        It is dropped before the next is made: a server that sees somebody connected looks again after a tenth of a
        second, and whoever has just hung up is seen for a moment.
        """
        self._drop_what_was_left()
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        self.hands.sql(f"CREATE DATABASE {name}{copied}")
        try:
            yield self.server.url(name)
        finally:
            self._left.append(name)

    def _drop_what_was_left(self) -> None:
        while self._left:
            self.hands.sql(f"DROP DATABASE IF EXISTS {self._left.pop()} WITH (FORCE)")


def binaries(major: int) -> Path | None:
    """The programs of that version, where this machine has them."""
    return embedded.wheel_binaries() if major == WHEEL else embedded.system_binaries(major)


def present() -> list[int]:
    """The versions this machine can run, the wheel's first."""
    return [major for major in (WHEEL, LOWEST) if binaries(major)]


@contextmanager
def running(major: int = WHEEL) -> Iterator[Cluster]:
    """A server of that version in a folder of its own, gone afterwards. Several test runs do not meet."""
    with (
        scratch() as folder,
        embedded.running(folder / "data", binaries=binaries(major), durable=False) as server,
    ):
        hands = Hands(server.url("postgres"))
        try:
            _quicken(hands, server.url("postgres"), major)
            yield Cluster(server, major, hands)
        finally:
            hands.close()


def _quicken(hands: Hands, url: str, major: int) -> None:
    """Newer servers copy a database inside the kernel, and prove a password by one round of hashing instead of 4096."""
    if major >= WHEEL:
        hands.sql("SET file_copy_method = 'clone'")
        hands.sql("SET scram_iterations = 1")
        hands.sql(f"ALTER ROLE {make_url(url).username} PASSWORD '{make_url(url).password}'")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder which the user that runs PostgreSQL can reach; pytest's own is closed when we are root.

    In memory where there is room: a database is cloned there in a third of the time.
    """
    bases = [_MEMORY, Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]
    base = next(base for base in bases if base.is_dir() and reachable(base / "any") and _roomy(base))
    folder = Path(tempfile.mkdtemp(prefix="henkham-tests-", dir=base))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _roomy(base: Path) -> bool:
    """Whether servers can live there; programs may be copied beside their data, so they must be allowed to run."""
    if base != _MEMORY:
        return True
    there = os.statvfs(base)
    return not there.f_flag & os.ST_NOEXEC and there.f_bavail * there.f_frsize >= _ROOM
