"""Laying a file where the hospital takes it: whole, under its own name, or not at all.

Again under the same name with the same content changes nothing: so whoever was killed before it noted that a file was
handed over hands it over once more.
"""

import asyncio
import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from scheduler.exports import sftp
from scheduler.exports.servers import beside
from scheduler.exports.sftp import connected
from scheduler.exports.unreached import Unreached
from scheduler.outgoing.terms import Outgoing

LONGEST: Final = 240.0
"""Seconds for all of a visit to a server; what was not put by then goes the next time."""


def over_line(terms: Outgoing, home: Path, files: list[tuple[str, bytes]]) -> int:
    """Put files into a folder of the hospital's SFTP server, in their order; how many are there.

    With an event loop of its own, for a thread: a server that is stuck keeps nobody else waiting.

    Raises:
        Unreached: none is there, with why.
    """
    put: list[str] = []
    try:
        asyncio.run(_put(terms, home, files, put))
    except Unreached:
        if not put:
            raise
    return len(put)


async def _put(terms: Outgoing, home: Path, files: list[tuple[str, bytes]], put: list[str]) -> None:
    assert terms.sftp is not None
    async with connected(terms.sftp, home=home) as line:
        line.ends_in(LONGEST)
        for name, content in files:
            await sftp.put_whole(line, terms.sftp, name, content)
            put.append(name)


def folder_of(terms: Outgoing, home: Path) -> Path | None:
    """Where the terms want files laid on this machine; a relative folder begins at the folder of feeds."""
    return None if terms.out.folder is None else beside(home, terms.out.folder)


def _is_there(path: Path, content: bytes) -> bool:
    """Whether a plain file holds just this: whoever was killed laid it before."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size == len(content) and path.read_bytes() == content


def lay(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole under a passing name, then give it its own. Over other content of that name it is never laid.

    Raises:
        OSError: it is not there under its own name; nothing half-written ever is.
    """
    folder.mkdir(exist_ok=True)
    if os.path.lexists(folder / name):
        if not _is_there(folder / name, content):
            raise FileExistsError(errno.EEXIST, "a file of this name with other content lies there")
        return
    passing = folder / f".{name}.part"
    with suppress(FileNotFoundError):
        passing.unlink()  # of somebody who was killed; never written through, were it a link
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(passing, flags, 0o640), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    passing.rename(folder / name)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)  # so that the name too outlives a loss of power
    finally:
        os.close(handle)
