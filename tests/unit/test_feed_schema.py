"""The JSON schema of feeds is that of the models, takes every example of the manual, refuses what a feed refuses."""

import json
import re
import tomllib
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from booking.cli.feed_commands import feed_app
from scheduler.exports.schema import feed_schema
from tests.exports import FEEDS, ROOT, SMALL

FILE = ROOT / "docs" / "feed.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": (str, date), "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
KNOWN = {
    "$schema", "$ref", "$defs", "title", "description", "default", "type", "properties", "required", "items", "enum",
    "additionalProperties", "anyOf", "oneOf", "allOf", "minimum", "maximum", "minItems", "pattern", "format",
    "patternProperties", "minProperties",
}  # fmt: skip


def fits(part: dict[str, Any], value: Any) -> bool:
    """Whether a value is as the schema says; only the words of JSON schema that ours uses."""
    assert set(part) <= KNOWN, set(part) - KNOWN
    if "$ref" in part:
        return fits(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]], value)
    return all(check(part, value) for check in (_kind, _choices, _plain, _list, _object))


def _kind(part: dict[str, Any], value: Any) -> bool:
    kind = part.get("type")
    return kind is None or (isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)))


def _choices(part: dict[str, Any], value: Any) -> bool:
    one = sum(fits(each, value) for each in part.get("oneOf", ()))
    some = any(fits(each, value) for each in part.get("anyOf", ()))
    every = all(fits(each, value) for each in part.get("allOf", ()))
    return every and (some or "anyOf" not in part) and (one == 1 or "oneOf" not in part)


def _plain(part: dict[str, Any], value: Any) -> bool:
    if isinstance(value, str):
        return value in part.get("enum", [value]) and bool(re.search(part.get("pattern", ""), value))
    number = isinstance(value, int | float)
    return not number or part.get("minimum", value) <= value <= part.get("maximum", value)


def _list(part: dict[str, Any], value: Any) -> bool:
    if not isinstance(value, list):
        return True
    return len(value) >= part.get("minItems", 0) and all(fits(part.get("items", {}), each) for each in value)


def _object(part: dict[str, Any], value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    enough = set(part.get("required", ())) <= set(value) and len(value) >= part.get("minProperties", 0)
    return enough and all(_member(part, key, each) for key, each in value.items())


def _member(part: dict[str, Any], key: str, value: Any) -> bool:
    if key in part.get("properties", {}):
        return fits(part["properties"][key], value)
    for pattern, inner in part.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return fits(inner, value)
    others = part.get("additionalProperties", True)
    return fits(others, value) if isinstance(others, dict) else bool(others)


def test_the_file_is_what_the_command_prints() -> None:
    done = CliRunner().invoke(feed_app, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == feed_schema() == SCHEMA, "henkham feed schema > docs/feed.schema.json"
    assert done.stdout == FILE.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in FEEDS.glob("*.toml")))
def test_every_worked_example_fits(name: str) -> None:
    assert fits(SCHEMA, tomllib.loads((FEEDS / f"{name}.toml").read_text()))


def test_the_examples_in_the_manual_fit() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "feeds.md").read_text(), re.DOTALL)
    smallest = tomllib.loads(blocks[0])
    for block in blocks:
        told = tomllib.loads(block)
        assert fits(SCHEMA, told if "facility" in told else smallest | told), block


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
    assert fits(SCHEMA, tomllib.loads(SMALL))
    assert not fits(SCHEMA, tomllib.loads(SMALL.replace(old, new)))
