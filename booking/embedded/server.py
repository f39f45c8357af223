"""One server: starting it on a data folder, stopping it, and its databases."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from booking.embedded import cluster, places
from booking.embedded.cluster import USER
from booking.embedded.places import EmbeddedError
from booking.embedded.process import Process

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "henkham",
}
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "4GB",
}
_PSQL = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER)
_ATTEMPTS = 5
"""How often a free port is looked for anew when somebody else took it first."""
_START_SECONDS = 60.0
"""Replaying the log after a kill -9 is part of a start."""
_READY_LINE = 7
"""Where postmaster.pid tells the server's state, counted from 0; line 0 is its pid."""


@dataclass(frozen=True)
class Server:
    """A running server. `henkham` is its superuser and owns every database."""

    port: int
    pid: int
    _binaries: Path = field(repr=False)
    _password: str = field(repr=False)

    def url(self, name: str) -> str:
        """The address of the database `name`, password included: never log it."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement through psql; the rows come back as lines, columns parted by `|`.

        Raises:
            EmbeddedError: with PostgreSQL's own words.
        """
        done = subprocess.run(  # noqa: S603 - our own list, no shell
            [str(self._binaries / "psql"), *_PSQL, "-p", str(self.port), "-d", database, "-c", statement],
            env={"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(done.stderr.strip())
        return done.stdout.rstrip("\n")

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        return self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{_name(name)}'") == "1"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database, empty or as a copy of `template` (to which nobody may be connected).

        A copy is made file by file, which is a third faster than through the log.
        """
        copy = f" TEMPLATE {_name(template)} STRATEGY FILE_COPY" if template else ""
        self.sql(f"CREATE DATABASE {_name(name)}{copy}")

    def drop_database(self, name: str) -> None:
        """Remove a database, throwing out whoever is connected; nothing happens when it is not there."""
        self.sql(f"DROP DATABASE IF EXISTS {_name(name)} WITH (FORCE)")


@contextmanager
def running(
    data_dir: Path, *, port: int | None = None, binaries: Path | None = None, durable: bool = True
) -> Iterator[Server]:
    """A server on `data_dir`, made there when there is none yet; it stops when the block ends.

    Args:
        data_dir: A folder of its own; see `default_data_dir`.
        port: On 127.0.0.1; None: a free one.
        binaries: The folder with `postgres`; None: the wheel's.
        durable: False for data that nobody will miss after a power cut.

    Raises:
        DataFolderBusy: Another process uses the folder.
        EmbeddedError: It cannot start; the text holds the end of the server's log.
    """
    programs = binaries or places.wheel_binaries()
    home = places.claim(data_dir)
    with cluster.locked(home) as alive:
        usable = places.usable_binaries(programs, home)
        password = cluster.make_cluster(home, usable, alive, durable=durable)
        process, used = _start(home, usable, alive, port, durable=durable)
        try:
            yield Server(used, process.pid, programs, password)
        finally:
            process.stop()


def _start(home: Path, binaries: Path, alive: int, port: int | None, *, durable: bool) -> tuple[Process, int]:
    """Start postgres and wait until it answers; gives its process and port."""
    (home / "postgres" / "postmaster.pid").unlink(missing_ok=True)  # nobody lives there: we hold `alive`
    settings = _SETTINGS | ({} if durable else _NOT_DURABLE)
    log = home / "server.log"
    for attempt in range(1, _ATTEMPTS + 1):
        used = port or _free_port()
        options = [
            part for name, value in (settings | {"port": str(used)}).items() for part in ("-c", f"{name}={value}")
        ]
        command = [str(binaries / "postgres"), "-D", str(home / "postgres"), *options]
        process = Process(command, log=log, account=places.account(), keep_open=alive)
        try:
            if _ready(home, process):
                return process, used
        except BaseException:
            process.stop()
            raise
        process.stop()
        if port is not None or attempt == _ATTEMPTS or "could not bind" not in cluster.tail(log):
            break
    raise EmbeddedError(f"PostgreSQL did not start in {home}. The end of its log:\n{cluster.tail(log)}")


def _ready(home: Path, process: Process) -> bool:
    """Wait until the server takes connections; False when it ended or took too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = cluster.postmaster(home)
        if len(state) > _READY_LINE and state[0] == str(process.pid) and state[_READY_LINE].strip() == "ready":
            return True
        if process.ended(0.02):
            return False
    return False


def _free_port() -> int:
    """A port nobody listens on just now; `_start` looks again when somebody is faster."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
        return free


def _name(name: str) -> str:
    """`name`, after a check that it needs no quoting in SQL."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise EmbeddedError(f"{name!r} is not a name for a database: small letters, digits and _ only")
    return name
