"""The JSON schema of terms is that of the models, takes every worked example, refuses what terms refuse."""

import json
import tomllib
from typing import Any

import pytest
from typer.testing import CliRunner

from booking.cli.feed_commands import feed_app
from booking.exchange.errors import FeedError
from scheduler.outgoing.schema import terms_schema
from scheduler.outgoing.terms_file import parse_terms
from tests.exports import ROOT
from tests.outgoing import TERMS
from tests.schemas import Schema

FILE = ROOT / "docs" / "out.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
fits = Schema(SCHEMA).fits


def test_the_file_is_what_the_command_prints() -> None:
    done = CliRunner().invoke(feed_app, ["schema", "--out"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == terms_schema() == SCHEMA, "henkham feed schema --out > docs/out.schema.json"
    assert done.stdout == FILE.read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in TERMS.glob("*.toml")))
def test_every_worked_example_fits(name: str) -> None:
    assert fits(tomllib.loads((TERMS / name).read_text()))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("csv", "personal = []", 'personal = ["nme"]'),
        ("csv", 'format = "csv"', 'format = "cvs"'),
        ("csv", 'facility = "BVVT"\n', ""),
        ("csv", "every_minutes = 5", "every_minutes = 0"),
        ("csv", 'at = "04:30"', 'at = ["4:30"]'),
        ("csv", 'at = "04:30"', "at = []"),
        ("csv", '"Mã đặt khám" = "code"', '"Mã đặt khám" = "cod"'),
        ("csv", 'booked = "Đã đặt"', 'boked = "Đã đặt"'),
        ("csv", "[events]", '[events]\nlost = "Mất"'),
        ("csv", 'name = "hen-kham"', 'name = "hen kham"'),
        ("csv", "[times]", '[times]\nstart = "iso"'),
        ("hl7", "[hl7]", '[hl7]\nsending_facility = "A|B"'),
        ("fhir", '"https://henkham.example"', '"henkham"'),
        ("fhir", 'folder = "bookings-fhir-answers"\n', ""),
    ],
)
def test_what_terms_refuse_the_schema_refuses(name: str, old: str, new: str) -> None:
    text = (TERMS / f"{name}.out.toml").read_text()
    assert old in text
    with pytest.raises(FeedError):
        parse_terms(text.replace(old, new))
    assert not fits(tomllib.loads(text.replace(old, new)))


def test_what_may_be_written_without_brackets_may_be_so_by_the_schema() -> None:
    text = (TERMS / "csv.out.toml").read_text()
    for old, new in (("personal = []", 'personal = "name"'), ('at = "04:30"', 'at = ["04:30", "12:00"]')):
        parse_terms(text.replace(old, new))
        assert fits(tomllib.loads(text.replace(old, new)))
