"""Schedulers by the hundred, for tests that kill them: `python -m tests.forked_schedulers` forks one for each line.

A line on its input is the point where it shall stand still, `claimed` or `answered`, or `run`; `finish` for one that
sends a second time what may have been lost, `careless` for one that takes whatever lost its lease for due. Its answer
is the pid.
Everything is imported once, so a scheduler is there in a few hundredths of a second. All of them end with this process.
"""

import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta

from booking.messages import outbox
from scheduler.__main__ import main
from tests import quick_scheduler
from tests.quick_scheduler import PATIENT, POINTS


def _child(point: str, told: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(told, 1)
    quick_scheduler.without_the_others()
    if point in POINTS:
        quick_scheduler.stand_still_at(point)
    if point == "careless":
        outbox.end_leases = quick_scheduler.all_due
    # Who is to be killed sends nothing a second time: twice in vain, and it would be given up, as it should.
    main(pace=PATIENT if point in ("finish", "careless") else replace(PATIENT, second_send=timedelta(hours=1)))


def serve() -> None:
    """Fork until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is gone at once
    children = []
    for line in sys.stdin:
        point, told = line.split()
        number = os.open(told, os.O_WRONLY | os.O_APPEND)
        pid = os.fork()
        if pid == 0:
            try:
                _child(point, number)
            finally:
                os._exit(1)
        os.close(number)
        children.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    serve()
