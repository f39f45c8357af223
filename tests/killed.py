"""A program that is killed with -9 so long after it began its work."""

import signal
import subprocess
import sys
import time

from tests.conftest import environment
from tests.exports import ROOT
from tests.forking import Forked


def killed_after(program: str, seconds: float, url: str, *arguments: str) -> None:
    """Start it on a database; once it has said "ready" it is let go, and killed so many seconds after that."""
    command = [sys.executable, "-c", program, *arguments]
    with Forked[str](
        command, env=environment(url), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
