"""The process that reads files: it forks a child for each, which is given the open file, the feed, and little else.

It is started by `apart.py`, imports the readers once, gives up what it does not need, and then serves one file after
the other; so a child costs a fork and not a start of Python. It knows no setting, no secret and no path of a file.
"""

import gc
import importlib
import os
import pickle
import signal
import socket
import warnings
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final, NoReturn

import orjson

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports import confinement, wire
from scheduler.exports.confinement import Limits
from scheduler.exports.slip_feed import AnyFeed

NO_MEMORY: Final = 3
"""Exit code of a child that ran out of memory."""
HARMLESS: Final = frozenset({"csv", "hl7"})
"""Formats read where a network cannot be taken away: they refer to nothing outside the file."""
_CHUNK: Final = 65_536
_SIZE: Final = 4


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is told beside the open file."""

    feed: AnyFeed
    today: date
    limits: Limits
    key: bytes = b""


def main(control: socket.socket, readers: str) -> None:
    """Serve until nobody asks any more.

    Args:
        control: each message is one file to read: the file and the child's own line, as descriptors.
        readers: the module whose READERS read.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who then hangs up
    warnings.simplefilter("ignore")
    importlib.import_module(readers)
    alone = confinement.give_up()
    gc.collect()
    gc.freeze()
    control.sendall(orjson.dumps({"alone": alone}))
    while True:
        message, given, _, _ = socket.recv_fds(control, 16, 2)
        if not message:
            return
        _serve(control, given, readers, alone=alone)


def _serve(control: socket.socket, given: list[int], readers: str, *, alone: bool) -> None:
    """One file: fork, tell who it is, wait, tell how it ended."""
    file, line = given
    child = os.fork()
    if not child:
        control.close()
        _child(file, line, readers, alone=alone)
    os.close(file)
    os.close(line)
    handle = os.pidfd_open(child)
    socket.send_fds(control, [b"child"], [handle])
    os.close(handle)
    _, status, used = os.wait4(child, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    told = {"code": code, "signal": confinement.dies_by(status), "peak": used.ru_maxrss}
    control.sendall(orjson.dumps(told | {"processor": used.ru_utime + used.ru_stime}))


def _child(file: int, line: int, readers: str, *, alone: bool) -> NoReturn:
    """Never returns: whatever happens, only its exit code and its lines tell."""
    code = 1
    try:
        with socket.socket(fileno=line) as parent, os.fdopen(file, "rb", closefd=False) as stream:
            job = _told(parent)
            confinement.limit(job.limits.memory, job.limits.processor)
            code = _answer(job, stream, parent, readers, alone=alone)
    except BaseException:  # noqa: BLE001, S110  nobody is there to be told but by the exit code
        pass
    finally:
        os._exit(code)


def _told(parent: socket.socket) -> Job:
    with parent.makefile("rb") as said:
        size = int.from_bytes(said.read(_SIZE), "big")
        job = pickle.loads(said.read(size))  # noqa: S301  written by the process that started this one
    assert isinstance(job, Job)
    return job


def written(job: Job) -> bytes:
    """A job as the child expects it."""
    told = pickle.dumps(job)
    return len(told).to_bytes(_SIZE, "big") + told


def _answer(job: Job, stream: BinaryIO, parent: socket.socket, readers: str, *, alone: bool) -> int:
    try:
        parent.sendall(_read(job, stream, parent, readers, alone=alone))
    except MemoryError:
        return NO_MEMORY
    return 0


def _read(job: Job, stream: BinaryIO, parent: socket.socket, readers: str, *, alone: bool) -> bytes:
    """All items on their way; the last line."""
    try:
        if not alone and not job.limits.with_network and job.feed.source.format not in HARMLESS:
            raise ExportUnreadable(UnreadableReason.NOT_CONFINED, format=job.feed.source.format)
        return _stream(job, stream, parent, readers)
    except ExportUnreadable as error:
        return wire.unreadable_of(error)
    except (MemoryError, OSError):
        raise
    except RecursionError:
        return wire.unreadable_of(ExportUnreadable(UnreadableReason.DAMAGED, why="its parts are nested too deeply"))
    except Exception as error:  # noqa: BLE001  a reader's own mistake is the file's trouble, not the service's
        return wire.unreadable_of(ExportUnreadable(UnreadableReason.READER_FAILED, why=type(error).__name__))


def _stream(job: Job, stream: BinaryIO, parent: socket.socket, readers: str) -> bytes:
    count, most = 0, wire.most_items(job.feed)
    waiting = bytearray()
    keyed = {"key": job.key} if job.key else {}
    for item in importlib.import_module(readers).read_export(job.feed, stream, today=job.today, **keyed):
        waiting += wire.line_of(item)
        count += 1
        if count > most:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=job.feed.limits.rows)
        if len(waiting) > _CHUNK:
            parent.sendall(waiting)
            waiting.clear()
    return bytes(waiting) + wire.end_of(count)
