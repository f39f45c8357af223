"""Scheduler processes for tests: real ones, with short waits, sending to a carrier of ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.carrier import ACCOUNT_SID, AUTH_TOKEN
from tests.conftest import environment
from tests.forking import Forked
from tests.outbox import BASE

ROOT = Path(__file__).parent.parent
Process = subprocess.Popen[str]


@contextmanager
def scheduler(
    url: str,
    carrier: str,
    *pause: str,
    module: str = "tests.quick_scheduler",
    errors: Any = subprocess.DEVNULL,
    fresh: bool = False,
) -> Iterator[Process]:
    """A scheduler on this database, forked, or a fresh process; killed at the end, where it still runs."""
    more = {
        "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": "HenKham", "TWILIO_API_BASE_URL": carrier, "PUBLIC_BASE_URL": BASE,
        "HENKHAM_SMS_PER_SECOND": "1000", "HENKHAM_SMS_NUMBER_PER_DAY": "100000",
        "HENKHAM_DATABASE_POOL": "10", "HENKHAM_HORIZON_DAYS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", module, *pause]
    kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
    made: type[Process] = subprocess.Popen if fresh else Forked
    process = made(
        command, env=kept | environment(url, **more), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=errors
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def await_pause(process: Process) -> None:
    """Until it stands still at its point."""
    assert process.stdout is not None
    assert process.stdout.readline() == "paused\n"


def kill(process: Process) -> None:
    """kill -9: no handler runs, nothing is tidied up."""
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL


def end(process: Process) -> int:
    """Ask it to stop; its exit status."""
    process.terminate()
    return process.wait(60)
