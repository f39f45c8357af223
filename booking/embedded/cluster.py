"""The data folder: who may use it, and how it is made.

It holds `lock` and `alive` (see `locked`), `password` (other users of the machine may connect to the port, but get no
further), `postgres` (the cluster itself), `initdb.log` and `server.log`. When we are root all but the cluster stays
root's.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from booking import ids
from booking.embedded import places
from booking.embedded.places import DataFolderBusy, EmbeddedError
from booking.embedded.process import Process

USER = "henkham"
"""The superuser of the cluster."""

_ORPHAN_SECONDS = 20.0
_INITDB_SECONDS = 120.0


@contextmanager
def locked(home: Path) -> Iterator[int]:
    """Hold the data folder. Gives the descriptor that every process of the server must inherit.

    Two locks: `lock` is held by the program that runs the server, so a second one is refused at once. `alive` is held
    by each process of the server as well; after a kill -9 of their parent it is free when the last of them is gone.
    Only then is a postmaster.pid known to be left over.
    """
    with places.private(home / places.LOCK, "a") as lock, places.private(home / "alive", "a") as alive:
        if not _try_lock(lock.fileno()):
            raise DataFolderBusy(f"{home} is in use by another running demo or test")
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while not _try_lock(alive.fileno()):
            if time.monotonic() > deadline:
                raise DataFolderBusy(f"{home} is in use by a server whose parent is gone: {_left_over(home)}")
            time.sleep(0.05)
        for leftover in home.glob("new-*"):  # of a start that was killed
            shutil.rmtree(leftover)
        yield alive.fileno()


def erase(data_dir: Path) -> None:
    """Remove a data folder and all that is in it; nothing happens when there is none.

    Raises:
        DataFolderBusy: Somebody uses it.
        EmbeddedError: It holds something else than a database of ours.
    """
    if data_dir.exists():
        home = places.claim(data_dir)
        with locked(home):
            shutil.rmtree(home)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _left_over(home: Path) -> str:
    state = postmaster(home)
    return f"process {state[0]}; stop it with: kill -INT {state[0]}" if state else "its process is not known"


def postmaster(home: Path) -> list[str]:
    """The lines of the running server's postmaster.pid; none where there is no such file."""
    try:
        return (home / "postgres" / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def make_cluster(home: Path, binaries: Path, alive: int, *, durable: bool) -> str:
    """Run initdb where that was not done yet; returns the password. Killed halfway, it leaves only a `new-` folder."""
    secret, cluster = home / "password", home / "postgres"
    if cluster.exists():
        try:
            return secret.read_text()
        except FileNotFoundError as problem:
            raise EmbeddedError(f"{secret} is gone; remove {home} to begin anew") from problem
    password = ids.opaque_key(24)
    staging = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    made, handed = staging / "postgres", staging / "password"
    made.mkdir(mode=0o700)
    for place in (handed, secret):
        with places.private(place, "w") as file:
            file.write(password)
    account = places.account()
    if account:
        os.chown(made, *account)
        os.chown(handed, *account)
        staging.chmod(0o711)
    command = [str(binaries / "initdb"), "-D", str(made), "-U", USER, f"--pwfile={handed}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", *([] if durable else ["--no-sync"])]
    process = Process(command, log=home / "initdb.log", account=account, keep_open=alive)
    try:
        process.ended(_INITDB_SECONDS)
    finally:
        process.stop()
    if process.returncode != 0:
        raise EmbeddedError(f"initdb failed in {home}:\n{tail(home / 'initdb.log')}")
    made.rename(cluster)
    shutil.rmtree(staging)
    return password


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for an error's text."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
