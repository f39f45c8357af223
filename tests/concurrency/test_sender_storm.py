"""Many texts due within a minute, real schedulers, a carrier with a limit whose own log is the judge.

    make test        a small storm, and one with schedulers killed on the way
    make test-all    5,000 texts at a carrier of 200 a second; 2,000 with 10 kills

Reminders, some of them of families, and news of visits, with the caps of an installation. `henkham sms simulate --full`
is the same with 50,000. What does not belong here: kills at a chosen point (test_sender_kills.py), races inside one
process (test_sender_races.py), what the judge itself is worth (test_storm_judge.py).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from booking.cli import sms_storm
from booking.cli.sms_storm import Figures, Start, Storm
from tests.conftest import FULL, environment
from tests.forking import Forked

MANY = int(os.environ.get("HENKHAM_TESTS_STORM", "5000"))
"""By hand also 50,000: as `henkham sms simulate --full`, but with reminders at any hour."""
pytestmark = pytest.mark.timeout(max(900, MANY // 5))
ROOT = Path(__file__).parents[2]


def _starter(url: str, *pace: str) -> Start:
    def start(settings: Mapping[str, str]) -> "subprocess.Popen[Any]":
        kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
        variables = kept | environment(url) | dict(settings) | {"HENKHAM_DATABASE_POOL": "10"}
        command = [sys.executable, "-m", "tests.daylight_scheduler", *pace]
        return Forked[bytes](command, env=variables, cwd=ROOT)

    return start


def _once_each(figures: Figures, storm: Storm) -> None:
    """Whoever is to hear hears once; a family of three hears of all its visits in one text."""
    assert (figures.lost, figures.doubled) == (0, 0), figures
    assert figures.sent == storm.messages - figures.shared
    states = {"sent": figures.sent + figures.codes, "suppressed": figures.shared}
    assert figures.states == {state: number for state, number in states.items() if number}


def test_many_texts_due_within_a_minute_go_once_each_in_the_order_of_visits(database_url: str) -> None:
    storm = Storm(MANY, 200, 180) if FULL else Storm(100, 200, 180, lead=1, within=0.5)
    figures = sms_storm.run(database_url, storm, _starter(database_url), say=print)
    print(figures)
    _once_each(figures, storm)
    assert figures.shared == storm.messages // 5
    assert figures.codes == storm.messages // 100
    assert figures.busiest_second <= 200
    assert figures.displaced < (0.02 if FULL else 0.2)  # by chance it were a third; most of 80 are on the way at once


def test_schedulers_that_are_killed_on_the_way_lose_and_double_nothing(database_url: str) -> None:
    storm = Storm(2_000, 200, 150, kills=10) if FULL else Storm(60, 200, 60, kills=2, lead=1, within=0, reminders=False)
    figures = sms_storm.run(database_url, storm, _starter(database_url, "patient"), say=print)
    print(figures)
    assert figures.killed == storm.kills
    _once_each(figures, storm)
