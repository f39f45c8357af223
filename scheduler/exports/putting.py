"""Putting a file into a folder of a hospital's SFTP server: whole, under its own name, and over nothing."""

import stat
from contextlib import suppress
from typing import Final, cast

import asyncssh
from asyncssh import SFTPClientFile

from booking.exchange.kinds import ServerProblem
from scheduler.exports.servers import SftpServer
from scheduler.exports.sftp import Line, reason
from scheduler.exports.unreached import Unreached

_BLOCK: Final = 1_000_000


class NameTaken(Exception):
    """Something that is not what was to be put lies under its name; it was left as it is."""


def passing_names(name: str) -> list[str]:
    """Names under which a file may be written before it has its own.

    Each belongs to who began it. Were there but one, a second scheduler would take what the first left for dead away,
    begin anew under that name, and the first would then rename what is half-written.
    """
    return [f".{name}.part", f".{name}.2.part", f".{name}.3.part"]


async def put_whole(line: Line, server: SftpServer, name: str, data: bytes) -> None:
    """Write a file into the server's folder: under a passing name, looked at, then renamed. Over nothing, ever.

    Whoever reads the folder never sees half of it. The same content once more changes nothing: so whoever was killed
    before it noted that a file is there puts it once more.

    Raises:
        NameTaken: something else lies there under this name, or what we may not read.
        Unreached: nothing of this name was put there.
    """
    folder = server.folder.rstrip("/")
    target, *passing = [f"{folder}/{each}".encode() for each in (name, *passing_names(name))]
    try:
        if not await _lies_there(line, target, data):
            await _put(line, target, passing, data)
        for each in passing:  # of whoever was killed
            with suppress(asyncssh.SFTPError):
                await line.step(line.sftp.remove(each))
    except asyncssh.SFTPError as error:
        raise reason(error, server) from None


async def _put(line: Line, target: bytes, passing: list[bytes], data: bytes) -> None:
    own, file = await _opened(line, passing)
    try:
        await _written(line, own, file, data)
        # Not the rename that goes over what is there: of two who put at once the second is told so.
        await line.step(line.sftp.rename(own, target))
    except asyncssh.SFTPError:
        try:
            if not await _lies_there(line, target, data):  # unless another scheduler was faster, and tidied up
                raise
        finally:
            with suppress(asyncssh.SFTPError):
                await line.step(line.sftp.remove(own))
    except Unreached:  # not all of it is there, or the line broke
        with suppress(asyncssh.SFTPError, Unreached):
            await line.step(line.sftp.remove(own))
        raise


async def _opened(line: Line, passing: list[bytes]) -> tuple[bytes, SFTPClientFile]:
    """The first of these names that is free; nothing that lies there is written through."""
    for path in passing:
        if not await line.step(line.sftp.lexists(path)):
            return path, await line.step(line.sftp.open(path, "xb"))
    for path in passing:  # of so many who were killed
        await line.step(line.sftp.remove(path))
    return passing[0], await line.step(line.sftp.open(passing[0], "xb"))


async def _lies_there(line: Line, path: bytes, data: bytes) -> bool:
    """Whether a plain file there holds just this; False where nothing is there.

    Raises:
        NameTaken: it is something else, or cannot be read.
    """
    try:
        there = await line.step(line.sftp.lstat(path))
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return False
    plain = stat.S_IFMT(there.permissions or 0) in (0, stat.S_IFREG)  # 0: the server does not say
    if there.size != len(data) or not plain:
        raise NameTaken
    try:
        same = await _read(line, path, len(data) + 1) == data
    except asyncssh.SFTPError:
        same = False
    if not same:
        raise NameTaken
    return True


async def _read(line: Line, path: bytes, most: int) -> bytes:
    file = await line.step(line.sftp.open(path, "rb"))
    found = bytearray()
    try:
        while len(found) < most:
            block = await line.step(file.read(min(_BLOCK, most - len(found)), len(found)))
            if not block:
                break
            found += cast("bytes", block)  # opened for bytes
    finally:
        with suppress(asyncssh.SFTPError):
            await line.step(file.close())
    return bytes(found)


async def _written(line: Line, path: bytes, file: SFTPClientFile, data: bytes) -> None:
    for start in range(0, len(data), _BLOCK):
        await line.step(file.write(data[start : start + _BLOCK], start))
    with suppress(asyncssh.SFTPOpUnsupported):  # OpenSSH's addition
        await line.step(file.fsync())
    await line.step(file.close())
    if (await line.step(line.sftp.stat(path))).size != len(data):
        raise Unreached(ServerProblem.BROKEN_OFF, host=line.server.host, port=line.server.port)
