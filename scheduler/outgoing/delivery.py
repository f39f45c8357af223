"""Laying a file where the hospital takes it: whole, under its own name, or not at all.

Again under the same name with the same content changes nothing: so whoever was killed before it noted that a file was
handed over hands it over once more.
"""

import asyncio
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from scheduler.exports.naming import name_over_nothing
from scheduler.exports.putting import NameTaken, passing_names, put_whole
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
        NameTaken: none is there, because something else has the name of the first.
    """
    put: list[str] = []
    try:
        asyncio.run(_put(terms, home, files, put))
    except (Unreached, NameTaken):
        if not put:
            raise
    return len(put)


async def _put(terms: Outgoing, home: Path, files: list[tuple[str, bytes]], put: list[str]) -> None:
    assert terms.sftp is not None
    async with connected(terms.sftp, home=home) as line:
        line.ends_in(LONGEST)
        for name, content in files:
            await put_whole(line, terms.sftp, name, content)
            put.append(name)


def folder_of(terms: Outgoing, home: Path) -> Path | None:
    """Where the terms want files laid on this machine; a relative folder begins at the folder of feeds."""
    return None if terms.out.folder is None else beside(home, terms.out.folder)


def lay(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole under a passing name, then give it its own. Over nothing, ever.

    Raises:
        NameTaken: something else lies there under this name; it was left as it is.
        OSError: it is not there under its own name; nothing half-written ever is.
    """
    folder.mkdir(exist_ok=True)
    target, passing = folder / name, [folder / each for each in passing_names(name)]
    if not _lies_there(target, content):
        own = _opened(passing)
        try:
            with own as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            name_over_nothing(Path(own.name), target)
        except (FileExistsError, FileNotFoundError):
            if not _lies_there(target, content):  # unless another scheduler was faster, and tidied up
                raise
        finally:
            Path(own.name).unlink(missing_ok=True)
        _outlast(folder)
    for each in passing:  # ours, and those of whoever was killed
        each.unlink(missing_ok=True)


def _lies_there(path: Path, content: bytes) -> bool:
    """Whether a plain file holds just this: whoever was killed laid it before. False where nothing is there.

    Raises:
        NameTaken: it is something else.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size != len(content) or path.read_bytes() != content:
        raise NameTaken
    return True


def _opened(passing: list[Path]) -> BinaryIO:
    """The first of these names that is free; nothing that lies there is written through, a link neither."""
    for path in passing:
        with suppress(FileExistsError):
            return _new(path)
    for path in passing:  # of so many who were killed
        path.unlink(missing_ok=True)
    return _new(passing[0])


def _new(path: Path) -> BinaryIO:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640))


def _outlast(folder: Path) -> None:
    """So that the name too outlives a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
