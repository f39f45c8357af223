"""Many texts due at one moment, real schedulers, a carrier with a limit whose own log is the judge.

    make test        a small storm, and one with schedulers killed on the way
    make test-all    5,000 texts at a carrier of 200 a second

`henkham sms simulate --full` is the same with 50,000. What does not belong here: kills at a chosen point
(test_sender_kills.py), races inside one process (test_sender_races.py).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from booking.cli import sms_storm
from booking.cli.sms_storm import Start, Storm
from tests.conftest import FULL, environment

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]


def _starter(url: str, module: str) -> Start:
    def start(settings: Mapping[str, str]) -> "subprocess.Popen[Any]":
        kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
        variables = kept | environment(url) | dict(settings) | {"HENKHAM_DATABASE_POOL": "10"}
        return subprocess.Popen([sys.executable, "-m", module], env=variables, cwd=ROOT)

    return start


def test_many_texts_due_at_one_moment_go_once_each_in_the_order_of_visits(database_url: str) -> None:
    storm = Storm(5_000, 200, 180) if FULL else Storm(100, 200, 180, lead=1)
    figures = sms_storm.run(database_url, storm, _starter(database_url, "scheduler"), say=print)
    assert (figures.sent, figures.lost, figures.doubled) == (storm.messages, 0, 0)
    assert figures.states == {"sent": storm.messages}
    assert figures.busiest_second <= 200
    assert figures.displaced < 0.1  # by chance it were a third


def test_schedulers_that_are_killed_on_the_way_lose_and_double_nothing(database_url: str) -> None:
    storm = Storm(2_000, 200, 150, kills=10) if FULL else Storm(60, 200, 60, kills=2, lead=1)
    figures = sms_storm.run(database_url, storm, _starter(database_url, "tests.quick_scheduler"), say=print)
    assert figures.killed == storm.kills
    assert (figures.sent, figures.lost, figures.doubled) == (storm.messages, 0, 0)
    assert figures.states == {"sent": storm.messages}
