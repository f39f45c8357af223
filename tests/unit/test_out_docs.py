"""docs/feeds.md tells every key of terms, and every worked example of what goes out."""

from typing import Any, get_args

from pydantic import BaseModel

from scheduler.outgoing import ENDINGS, WRITERS
from scheduler.outgoing.terms import FIELDS, Out, Outgoing
from scheduler.outgoing.terms_file import load_terms
from tests.exports import ROOT
from tests.outgoing import TERMS
from tests.unit.test_feed_docs import flat, table

MANUAL = (ROOT / "docs" / "feeds.md").read_text()
FREE = {
    "columns": "HEADER", "states": "STATE", "events": "EVENT", "resources": "CODE", "services": "CODE",
}  # fmt: skip
"""Tables whose keys are free names or one of a few."""


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key that terms may have, tables opened."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        inner = next(
            (each for each in [kind, *flat(kind)] if isinstance(each, type) and issubclass(each, BaseModel)), None
        )
        if inner is not None:
            found += keys(inner, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}.{FREE[name]}" if not prefix and name in FREE else f"{prefix}{name}")
    return found


def test_the_table_of_keys_is_the_model() -> None:
    told = [row[0].strip("`") for row in table("Keys of terms")]
    assert sorted(told) == sorted(keys(Outgoing))


def test_the_defaults_of_the_table_are_those_of_the_model() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in table("Keys of terms")}
    found = load_terms(TERMS / "fhir.out.toml")
    assert found.full is not None
    assert found.changes is not None
    shown = {"full": found.full, "changes": found.changes, "csv": found.csv, "times": found.times, "hl7": found.hl7}
    for part, model in shown.items():
        for name, value in type(model)().model_dump().items():
            said = told[f"{part}.{name}"]
            plain = (
                str(value[0]) if isinstance(value, tuple) else str(value).lower() if value in (True, False) else value
            )
            if value is not None and name != "days_ahead":
                assert said == str(plain), (part, name)


def test_every_format_has_a_writer_an_ending_and_a_worked_example() -> None:
    formats = set(get_args(Out.model_fields["format"].annotation))
    assert formats == set(WRITERS) == set(ENDINGS)
    examples = {load_terms(path).out.format: path.name for path in TERMS.glob("*.out.toml")}
    assert set(examples) == formats - {"ndjson"}
    told = table("Our bookings out")
    assert {name.strip("` ") for row in told for name in row[0].split(",")} == formats
    assert all(f"`deploy/feeds/out/{name}`" in MANUAL for name in examples.values())


def test_every_field_of_a_column_is_named() -> None:
    [row] = [row for row in table("Keys of terms") if row[0] == "`columns.HEADER`"]
    assert all(f"`{name}`" in row[2] for name in FIELDS)
