"""Readers that do what a reader never should; the file's text says which. Only for the process that reads apart."""

import ctypes
import errno
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import BinaryIO, NoReturn

from booking.exchange.kinds import SkipReason
from scheduler.exports.feed import Feed
from scheduler.exports.no_sockets import MACHINES
from scheduler.exports.reader import Skipped
from scheduler.exports.staging import Item


def told(text: object) -> Skipped:
    """Says something to the test."""
    return Skipped(1, SkipReason.UNMAPPED_RESOURCE, str(text))


def _crash() -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError


def _spin() -> NoReturn:
    while True:
        pass


def _sleep() -> None:
    time.sleep(600)


def _leave() -> None:
    os._exit(7)


def _hoard() -> None:
    kept = [b"a" * 1_000_000 for _ in range(900)]
    raise MemoryError if not kept else AssertionError(len(kept))


def _babble() -> None:
    _line().sendall(b'[0,1,"k","nobody"]\n')
    time.sleep(600)


def _flood() -> None:
    line = _line()
    while True:
        line.sendall(b"a" * 100_000)


def _line() -> socket.socket:
    """The child's way to its parent: of its descriptors the one that is a socket."""
    for number in range(3, 32):
        try:
            found = socket.socket(fileno=number)
            found.getpeername()
        except OSError:
            continue
        return found
    raise AssertionError


def _connected(port: str) -> str:
    socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    return "connected"


def _joined(where: str) -> str:
    """A socket of the machine: a path, or a name that begins with @."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(where.replace("@", "\0"))
    return "connected"


def _written(path: str) -> str:
    Path(path).write_text("written")
    return "written"


def _refused(calls: Mapping[str, int]) -> str:
    """Which calls the kernel refuses before it looks at what they ask, which is nothing sensible."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for name, number in calls.items():
        call = getattr(libc, name, None)  # by its name where the library knows one: so the number is its own
        ctypes.set_errno(0)
        _ = libc.syscall(number, -1, 0, 0, 0, 0, 0) if call is None else call(-1, 0, 0, 0, 0, 0)
        found += [name] if ctypes.get_errno() == errno.EPERM else []
    return " ".join(found)


QUESTIONS: dict[str, Callable[[str], object]] = {
    "connect": _connected, "unix": _joined, "write": _written,
    "open": lambda count: len([open(os.devnull, "rb") for _ in range(int(count))]),  # noqa: PTH123, SIM115
    "calls": lambda _: _refused(MACHINES[os.uname().machine].refused),
    "environment": lambda _: sorted(os.environ), "memory": lambda _: resource.getrlimit(resource.RLIMIT_AS)[0],
}  # fmt: skip


def _ask(question: str) -> object:
    kind, _, rest = question.partition(" ")
    try:
        return QUESTIONS[kind](rest)
    except OSError as error:
        return type(error).__name__


DEEDS: dict[str, Callable[[], object]] = {
    "crash": _crash, "spin": _spin, "sleep": _sleep, "leave": _leave, "hoard": _hoard, "babble": _babble,
    "flood": _flood,
}  # fmt: skip


def read_export(_feed: Feed, stream: BinaryIO, *, today: date) -> Iterator[Item]:
    """One item first, so that what comes after it must undo it."""
    word = stream.read().decode()
    yield told(today)
    if word == "chatter":
        yield from (told("a" * 1_000) for _ in range(100))
        _sleep()
    elif word in DEEDS:
        DEEDS[word]()
    elif word:
        yield told(_ask(word))
