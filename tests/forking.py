"""Processes of the product for tests, forked by one that has imported it: `Forked` stands where `Popen` stood.

    process = Forked([sys.executable, "-m", "scheduler"], env=..., cwd=ROOT, text=True, stdout=subprocess.PIPE)

Importing the product takes a process a second or two of work, a fork some milliseconds. What is forked is a process of
its own all the same: it has its own environment, arguments and streams, dies by signals, and leaves an exit status.
What it does not show is that a fresh process imports all that it needs: for each command one test keeps `Popen`.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from ctypes import CDLL
from functools import cache
from pathlib import Path
from typing import Any, AnyStr, NoReturn

ROOT = Path(__file__).parent.parent
_READY = (
    "booking.main", "booking.cli.commands", "booking.cli.demo", "booking.cli.feed", "booking.cli.feed_draft",
    "booking.cli.publishing", "booking.cli.serving", "scheduler.timetable", "apscheduler.schedulers.asyncio",
    "tests.variants", "tests.feeds",
)  # fmt: skip
"""What is imported before the first fork; a program may need more, and imports it then."""
_ORDER = 1 << 18
"""Bytes; an order is a command line and an environment."""


@cache
def _parent() -> "tuple[socket.socket, threading.Lock]":
    """The process that forks for this one, started when it is first needed; who asks holds the lock."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
            cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(_end, process, ours)
    return ours, threading.Lock()


def _end(process: "subprocess.Popen[bytes]", ours: socket.socket) -> None:
    ours.close()
    process.kill()
    process.wait()


class Forked(subprocess.Popen[AnyStr]):
    """`[sys.executable, "-m" or "-c", what, *arguments]`: folder, environment and streams as Popen has them."""

    _status: int

    def _execute_child(self, args: Any, *more: Any) -> None:  # type: ignore[override, unused-ignore]
        """Order a child; `more` is as in CPython: the folder, the environment and the ends of the pipes are used."""
        cwd, env, pipes = more[4], more[5], more[9:15]
        streams: list[int] = [
            given if given >= 0 else usual for usual, given in enumerate((pipes[0], pipes[3], pipes[5]))
        ]
        self._status, told = os.pipe()
        order = json.dumps({
            "command": args[1:], "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ) if env is None else env,
        }).encode()  # fmt: skip
        asking, lock = _parent()
        with lock:
            socket.send_fds(asking, [order], [*streams, told])
            self.pid = int(asking.recv(64))
        os.close(told)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """As os.waitpid says it, of a child that is not ours: the one who forked it waits, and tells."""
        if self._status < 0 or (wait_flags and not select.select([self._status], [], [], 0)[0]):
            return 0, 0
        said = os.read(self._status, 16)
        os.close(self._status)
        self._status = -1
        return self.pid, int(said or signal.SIGKILL)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


def run(
    command: list[str], *, environment: dict[str, str], fresh: bool = False
) -> "subprocess.CompletedProcess[bytes]":
    """What `subprocess.run` gives, with both outputs, of a child that is forked or a fresh process."""
    kind: type[subprocess.Popen[bytes]] = subprocess.Popen if fresh else Forked
    pipe = subprocess.PIPE
    with kind(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as made:
        try:
            said, told = made.communicate(timeout=60)
        except BaseException:
            made.kill()
            raise
    return subprocess.CompletedProcess(command, made.returncode, said, told)


def _serve(orders: socket.socket) -> None:
    """Fork a child for each order, and tell how each of them ended, until nobody orders any more."""
    woken, wakes = socket.socketpair()
    woken.setblocking(False)
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if orders in ready:
            content, descriptors, _, _ = socket.recv_fds(orders, _ORDER, 4)
            if not content:
                return
            pid = _fork(json.loads(content), descriptors)
            for each in descriptors[:3]:
                os.close(each)
            told[pid] = descriptors[3]
            orders.send(str(pid).encode())
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096)
            _tell(told)


def _tell(told: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with contextlib.suppress(BrokenPipeError):
                os.write(told[pid], str(status).encode())
            os.close(told.pop(pid))


def _fork(order: dict[str, Any], descriptors: list[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: no child outlives us
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for usual, given in enumerate(descriptors[:3]):
            os.dup2(given, usual)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        _child(order["command"])
    except BaseException:  # noqa: BLE001  whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(70)


def _child(command: list[str]) -> NoReturn:
    """As the interpreter does with its command line, to the end of the process."""
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = [command[0], *command[2:]]
    code: object = 0
    try:
        if command[0] == "-m":
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            exec(compile(command[1], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
        code = 1
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _READY:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
