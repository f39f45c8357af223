"""Putting what is fetched into a drop folder: written under a passing name, then named, whole, never over another file.

The name comes from far away, so it is checked first and is never more than a name.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from booking import ids
from booking.exchange.kinds import ServerProblem
from scheduler.exports.arrivals import has_plain_name, is_passing, plain_name
from scheduler.exports.naming import name_over_nothing
from scheduler.exports.opening import opened
from scheduler.exports.unreached import Unreached

_PREFIX = ".fetching-"


@dataclass(slots=True)
class Landing:
    """A file that is being written; gone at the end unless it was `settled`."""

    folder: Path
    path: Path
    file: BinaryIO
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        """Add to it.

        Raises:
            Unreached: our own disk is full.
        """
        with _told(self.folder):
            self.file.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> bytes:
        """Of what was written so far."""
        return self._digest.digest()

    def settled(self, name: str, *, mtime: float) -> bool:
        """Give it its name; False where another file of this name still lies there.

        Raises:
            Unreached: the folder cannot be written.
        """
        target = self.folder / name
        with _told(self.folder):
            self.file.flush()
            os.fsync(self.file.fileno())
            os.utime(self.path, (mtime, mtime))
            try:
                name_over_nothing(self.path, target)
            except FileExistsError:
                return self._is(target)
            _sync(self.folder)
        return True

    def _is(self, target: Path) -> bool:
        """Whether it lies there already: we were ended between naming and remembering it."""
        try:
            with opened(target) as file:
                digest = hashlib.file_digest(cast("BufferedReader", file), "sha256")
        except Exception:  # noqa: BLE001  whatever it is, it is not ours
            return False
        return digest.digest() == self.sha256


@contextmanager
def landing(folder: Path, feed: str) -> Iterator[Landing]:
    """A place for a file in the drop folder, which is made if it is not there.

    Raises:
        Unreached: it cannot be written.
    """
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_PREFIX}{feed}-{ids.opaque_key(6)}.part"
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    with os.fdopen(number, "wb") as file:
        try:
            yield Landing(folder, path, file)
        finally:
            path.unlink(missing_ok=True)


def swept(folder: Path, feed: str) -> None:
    """Remove what earlier fetches of a feed left when they were killed. Nobody else fetches it now."""
    for path in folder.glob(f"{_PREFIX}{feed}-*.part"):
        with suppress(OSError):
            path.unlink()


def may_land(name: str) -> bool:
    """Whether a name from far away may be that of a file here."""
    apart = {"", ".", "..", "done", "held", "quarantine"}
    if name in apart or "/" in name or "\\" in name or is_passing(name):
        return False
    return has_plain_name(Path(name)) and plain_name(name) == name


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreached(ServerProblem.NO_ROOM_HERE, folder=folder.name, why=os.strerror(error.errno or 0)) from None


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
