"""The JSON schema of feeds is that of the models, takes every example of the manual, refuses what a feed refuses."""

import json
import re
import tomllib
from typing import Any

import pytest
from typer.testing import CliRunner

from booking.cli.feed_commands import feed_app
from scheduler.exports.schema import feed_schema
from tests.exports import FEEDS, ROOT, SMALL
from tests.schemas import Schema

FILE = ROOT / "docs" / "feed.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
fits = Schema(SCHEMA).fits


def test_the_file_is_what_the_command_prints() -> None:
    done = CliRunner().invoke(feed_app, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == feed_schema() == SCHEMA, "henkham feed schema > docs/feed.schema.json"
    assert done.stdout == FILE.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in FEEDS.glob("*.toml")))
def test_every_worked_example_fits(name: str) -> None:
    assert fits(tomllib.loads((FEEDS / f"{name}.toml").read_text()))


def test_the_examples_in_the_manual_fit() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "feeds.md").read_text(), re.DOTALL)
    smallest = tomllib.loads(blocks[0])
    for block in blocks:
        told = tomllib.loads(block)
        assert fits(told if "facility" in told else smallest | told), block


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('start = "Start"', 'strat = "Start"'),
        ('format = "csv"', 'format = "cvs"'),
        ('facility = "BVVT"\n', ""),
        ("slot_minutes = 30", 'slot_minutes = "30"'),
        ("slot_minutes = 30", "slot_minutes = 0"),
        ('keys = "Dr An"', "keys = []"),
        ('keys = "Dr An"', "keys = [17]"),
        ('meaning = "busy_list"', 'meaning = "busy"'),
        ('code = "small"', 'code = "a b"'),
        ('format = "csv"', 'format = "xml130"'),
    ],
)
def test_what_a_feed_refuses_the_schema_refuses(old: str, new: str) -> None:
    assert old in SMALL
    assert fits(tomllib.loads(SMALL))
    assert not fits(tomllib.loads(SMALL.replace(old, new)))
