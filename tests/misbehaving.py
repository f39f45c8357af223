"""Readers that do what a reader never should; the file's text says which. Only for the process that reads apart."""

import ctypes
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO, NoReturn

from booking.exchange.kinds import SkipReason
from scheduler.exports.feed import Feed
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


def _ask(question: str) -> object:
    kind, _, rest = question.partition(" ")
    try:
        if kind == "connect":
            socket.create_connection(("127.0.0.1", int(rest)), timeout=5).close()
            return "connected"
        if kind == "write":
            Path(rest).write_text("written")
            return "written"
        if kind == "open":
            return len([open(os.devnull, "rb") for _ in range(int(rest))])  # noqa: PTH123
    except OSError as error:
        return type(error).__name__
    return {"environment": sorted(os.environ), "memory": resource.getrlimit(resource.RLIMIT_AS)[0]}[kind]


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
