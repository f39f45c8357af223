"""PostgreSQL servers and databases for tests: one server per run and version, one cloned database per test or module.

    with running(WHEEL) as cluster:                     # once per run: half a second
        template = cluster.template(migrate)            # once per run: the schema comes from the migrations
        with cluster.database(template) as url: ...     # per test or module: some 30 ms

The fixtures built on this are in conftest.py.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

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


class Cluster:
    """One server and the databases that tests make in it."""

    def __init__(self, server: embedded.Server, major: int) -> None:
        self.server = server
        self.major = major
        self._numbers = itertools.count(1)
        self._templates: dict[Callable[[str], None], str] = {}

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
        """The URL of a database of one's own, a copy of `template`; dropped afterwards with whoever is connected."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.server.create_database(name, template)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop_database(name)


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
        yield Cluster(server, major)


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
