"""Reads a file in a process of its own, which has limits and no network, and believes nothing it says unseen.

with opened(path) as file:
    for item in reading_processes().read(feed, file, today=today): ...
"""

import atexit
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports import child, wire
from scheduler.exports.child import NO_MEMORY, Job
from scheduler.exports.confinement import Limits
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.staging import Item

LIMITS: Final = Limits()
AT_ONCE: Final = 2
"""Files that are read at the same time, where nobody says otherwise: each may take as much memory as its limits say."""
_ROOT: Final = Path(__file__).parent.parent.parent
_BOOT: Final = (
    "import socket, sys; sys.path.insert(0, sys.argv[3]); from scheduler.exports.child import main;"
    "main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])"
)
_PATIENCE: Final = 60.0  # seconds for what takes milliseconds: to start, to fork, to be told of an end
_CHUNK: Final = 262_144
_MEGABYTE: Final = 1_048_576
_ANSWER_PER_ROW: Final = 2_000
"""Bytes of answer for each row that a file may have; two hundred are usual."""


class ReaderLost(Exception):
    """The process that forks the readers cannot be started or has gone: nothing is known about the file."""


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended.

    Attributes:
        code: its exit code; None when a signal ended it.
        signal: that signal, else 0.
        peak: kilobytes of memory it held at most.
        processor: seconds of processor time it took.
    """

    code: int | None
    signal: int
    peak: int
    processor: float = 0


@dataclass(slots=True)
class ReadingProcess:
    """Starts when it is first needed, and again when it was lost. One file at a time; threads wait for each other.

    Attributes:
        readers: the module whose READERS read.
        last: how the child before ended.
    """

    readers: str = "scheduler.exports"
    last: End | None = None
    alone: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None

    def read(
        self, feed: AnyFeed, file: BinaryIO, *, today: date, limits: Limits = LIMITS, key: bytes = b""
    ) -> Iterator[Item]:
        """Items in the order of the file. Nothing may be applied before the iterator has ended.

        `key` is made for this file, for marks of its rows; the reader knows no other.

        Raises:
            ExportUnreadable: while iterating; then nothing of the file counts.
            ReaderLost: nothing is known about the file.
        """
        with self._lock, ExitStack() as stack:
            control = self._ready()
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                handle = self._fork(control, file.fileno(), theirs.fileno())
            reading = _Reading(feed, ours, handle, limits, deadline=time.monotonic() + limits.wall)
            stack.callback(self._ended, reading)
            reading.tell(Job(feed, today, limits, key))
            yield from reading.items()
            self._ended(reading)
            reading.judge(self.last)

    def close(self) -> None:
        """Hang up; the process ends by itself."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _ready(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-I", "-c", _BOOT, str(theirs.fileno()), self.readers, str(_ROOT)]
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own module
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}, cwd="/",
            )  # fmt: skip
        self._control = ours
        self.alone = bool(self._heard(ours)["alone"])
        return ours

    def _fork(self, control: socket.socket, file: int, line: int) -> int:
        """A handle of the child, which stays its own even when its number is used again."""
        try:
            socket.send_fds(control, [b"read"], [file, line])
            message, handles, _, _ = socket.recv_fds(control, 16, 1)
        except OSError as error:
            raise self._lost() from error
        if not message or len(handles) != 1:
            raise self._lost()
        return handles[0]

    def _ended(self, reading: "_Reading") -> None:
        """Once for each file: the child is dead, and how it died is known."""
        if reading.over:
            return
        reading.over = True
        reading.kill()
        os.close(reading.handle)
        assert self._control is not None
        told = self._heard(self._control)
        self.last = End(told["code"], told["signal"], told["peak"], told["processor"])

    def _heard(self, control: socket.socket) -> Any:
        control.settimeout(_PATIENCE)
        try:
            told = control.recv(1_000)
        except OSError as error:
            raise self._lost() from error
        if not told:
            raise self._lost()
        return orjson.loads(told)

    def _lost(self) -> ReaderLost:
        if self._process is not None:
            self._process.kill()
        self.close()
        return ReaderLost("the process that reads exports has gone; it is started again for the next file")


@dataclass(slots=True)
class _Reading:
    """One file on its way.

    Attributes:
        handle: of the child.
        deadline: on the monotonic clock.
        late: it was killed because time was over.
        hung_up: it closed its line, so it ends by itself.
        killed: it did not.
        over: nothing is left of it.
    """

    feed: AnyFeed
    line: socket.socket
    handle: int
    limits: Limits
    deadline: float
    late: bool = False
    hung_up: bool = False
    killed: bool = False
    over: bool = False
    heard: wire.Listener | None = None

    def tell(self, job: Job) -> None:
        """The job; a child that died already is judged by how."""
        self.line.settimeout(_PATIENCE)
        with suppress(OSError):
            self.line.sendall(child.written(job))

    def items(self) -> Iterator[Item]:
        """What the child says until it hangs up."""
        listener = self.heard = wire.Listener(self.feed)
        try:
            for line in self._lines():
                item = listener.hear(line)
                if item is not None:
                    yield item
        except wire.Garbled as error:
            raise ExportUnreadable(UnreadableReason.READER_DIED, why="what it answered is no answer") from error

    def _lines(self) -> Iterator[bytes]:
        left = self.feed.limits.rows * _ANSWER_PER_ROW + _MEGABYTE
        rest = b""
        while chunk := self._chunk():
            left -= len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > wire.LONGEST_LINE or left < 0:
                raise wire.Garbled("longer than any answer")
        # A last line without its end is half a line: not told.

    def _chunk(self) -> bytes:
        """Some bytes; none when the child hung up, or was killed because its time is over."""
        seconds = self.deadline - time.monotonic()
        ready = seconds > 0 and select.select([self.line], [], [], seconds)[0]
        if not ready:
            self.late = True
            self.kill()
            return b""
        chunk = b""
        with suppress(ConnectionError):
            chunk = self.line.recv(_CHUNK)
        self.hung_up = not chunk
        return chunk

    def kill(self) -> None:
        """Unless it leaves by itself, so that its own end is what is told."""
        if self.killed or (self.hung_up and select.select([self.handle], [], [], _PATIENCE)[0]):
            return
        self.killed = True
        with suppress(ProcessLookupError):  # it ended meanwhile
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def judge(self, end: End | None) -> None:
        """Raise when the child did not say its last line: what it said before counts for nothing."""
        if self.heard is not None and self.heard.ended:
            return
        limits = self.limits
        if self.late:
            raise ExportUnreadable(UnreadableReason.TOOK_TOO_LONG, seconds=round(limits.wall))
        if end is not None and end.signal == signal.SIGXCPU:
            raise ExportUnreadable(UnreadableReason.TOOK_TOO_LONG, seconds=limits.processor or 0)
        if end is not None and not self.killed and (end.code == NO_MEMORY or end.signal == signal.SIGKILL):
            raise ExportUnreadable(UnreadableReason.TOO_MUCH_MEMORY, megabytes=(limits.memory or 0) // _MEGABYTE)
        why = f"signal {end.signal}" if end is not None and end.signal else "it stopped in the middle"
        raise ExportUnreadable(UnreadableReason.READER_DIED, why=why)


class ReadingProcesses:
    """So many files at once, each by a process that forks for it alone: a file that takes long keeps no other waiting.

    The process that was used last is used first, so a second one is started only where two files meet.

    Attributes:
        processes: all of them, in the order in which they are begun.
        last: how the child before ended.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self.processes = [ReadingProcess() for _ in range(at_once)]
        self.last: End | None = None
        self._free: queue.LifoQueue[ReadingProcess] = queue.LifoQueue()
        for process in reversed(self.processes):
            self._free.put(process)

    def read(
        self, feed: AnyFeed, file: BinaryIO, *, today: date, limits: Limits = LIMITS, key: bytes = b""
    ) -> Iterator[Item]:
        """As `ReadingProcess.read`, by the first that is free; threads wait for it."""
        process = self._free.get()
        try:
            yield from process.read(feed, file, today=today, limits=limits, key=key)
        finally:
            self.last = process.last
            self._free.put(process)

    def close(self) -> None:
        """Hang up all of them."""
        for process in self.processes:
            process.close()


_shared: ReadingProcesses | None = None
_owner = 0


def reading_processes(at_once: int | None = None) -> ReadingProcesses:
    """Those of this process: a fork of it makes its own. `at_once` is said before the first file, or never."""
    global _shared, _owner
    if _shared is None or _owner != os.getpid() or (at_once or len(_shared.processes)) != len(_shared.processes):
        _shared, _owner = ReadingProcesses(at_once or AT_ONCE), os.getpid()
        atexit.register(_shared.close)
    return _shared
