"""A process that ends with ours, whatever ends us."""

import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

from booking.embedded import places
from booking.embedded.places import Account

DEATH_SIGNAL: int = SIGQUIT
"""What PostgreSQL gets when we die: stop at once, replay the log at the next start. Nothing committed is lost."""

_LAUNCH = Path(__file__).with_name("launch.py")
_ENDING = ((SIGINT, 20.0), (SIGQUIT, 10.0), (SIGKILL, 10.0))
"""Ways to stop PostgreSQL, kindest first, and how many seconds each is given."""


class Process:
    """One program, run through launch.py.

    The kernel sends the death signal when the *thread* that started the program ends, so each has a daemon thread of
    its own, which does nothing but start it and wait for it.
    """

    def __init__(self, command: list[str], *, log: Path, account: Account | None, keep_open: int) -> None:
        """Start `command`.

        Args:
            command: The program's path and its arguments.
            log: Takes what it prints; emptied first.
            account: As whom it runs; None: as ourselves.
            keep_open: A file descriptor that it and all its children inherit (the lock they hold by living).
        """
        self.returncode: int | None = None
        self._started: Future[subprocess.Popen[bytes]] = Future()
        self._thread = threading.Thread(target=self._keep, args=(command, log, account, keep_open), daemon=True)
        self._thread.start()
        self._process = self._started.result()
        self.pid = self._process.pid

    def _keep(self, command: list[str], log: Path, account: Account | None, keep_open: int) -> None:
        who = (account.uid, account.gid) if account else (-1, -1)
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), *map(str, (os.getpid(), int(DEATH_SIGNAL), *who))]
        try:
            with places.private(log, "wb") as output:
                process = subprocess.Popen(  # noqa: S603 - our own list, no shell
                    [*launch, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},  # no PG*, and no secrets of ours
                    pass_fds=(keep_open,),
                    start_new_session=True,  # Ctrl-C is for us; we stop the database last
                )
        except BaseException as problem:  # noqa: BLE001 - handed to the thread that waits for it
            self._started.set_exception(problem)
            return
        self._started.set_result(process)
        self.returncode = process.wait()

    def ended(self, timeout: float = 0) -> bool:
        """Whether it has ended, waiting at most `timeout` seconds for that."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End it, kindly first."""
        for signal, patience in _ENDING:
            if self.ended():
                return
            self._process.send_signal(signal)
            if self.ended(patience):
                return
