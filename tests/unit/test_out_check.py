"""`henkham feed check` of terms, of what a hospital answers, and of a feed without a file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from booking.cli.feed_commands import feed_app
from tests.exports import FEEDS
from tests.outgoing import MSH, TERMS


def check(*arguments: object) -> Result:
    """The command, as it is called."""
    return CliRunner().invoke(feed_app, ["check", *map(str, arguments)])


def beside(home: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A worked example with mistakes in it."""
    text = (TERMS / f"{name}.out.toml").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = home / f"{name}.out.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted([*TERMS.glob("*.toml"), *FEEDS.glob("*.toml")]), ids=lambda path: path.name)
def test_every_worked_example_can_be_used(path: Path) -> None:
    done = check(path)
    assert (done.exit_code, "can be used" in done.stdout) == (0, True), done.stdout
    told = json.loads(check(path, "--json").stdout)
    assert (told["usable"], told["facility"]) == (True, "BVVT")


def test_every_mistake_is_named_by_its_key(tmp_path: Path) -> None:
    mistakes = (("personal = []", 'personal = ["nme"]'), ("moved =", "movd ="), ("booked", "boked"))
    done = check(beside(tmp_path, "csv", *mistakes))
    assert done.exit_code == 2
    for said in ("personal: 'nme' is not known; did you mean 'name'?", "events.movd:", "states.boked:"):
        assert said in done.stdout
    told = json.loads(check(tmp_path / "csv.out.toml", "--json").stdout)
    assert (told["usable"], len(told["problems"])) == (False, 3)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("fhir", '"https://henkham.example"', '"henkham"', "fhir.system: must begin with https://"),
        ("csv", 'name = "hen-kham"', 'name = "hẹn khám"', "out.name: letters, digits, - _ and . only, at most 60"),
        ("csv", 'at = "04:30"', 'at = "4:30"', 'full.at.0: must be a time such as "07:30"'),
        ("hl7", 'code = "', 'code = "a b', "code: letters, digits, - _ and . only, at most 40"),
        ("hl7", "[hl7]", '[hl7]\nsending_facility = "A|B"', "hl7.sending_facility: 1 to 60 signs, none of them"),
    ],
)
def test_a_value_of_another_shape_is_told_what_it_must_be(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    done = check(beside(tmp_path, name, (old, new)))
    assert done.exit_code == 2
    assert said in done.stdout


def test_what_a_file_of_answers_says_is_told_and_nothing_kept(tmp_path: Path) -> None:
    file = tmp_path / "answers.hl7"
    file.write_text(f"{MSH}\rMSA|AA|000017-000001\r{MSH}\rMSA|AE|000017-000002|kín lịch\r")
    done = check(TERMS / "hl7.out.toml", file)
    assert done.exit_code == 1
    assert "Answers: 1 accepted, 1 refused." in done.stdout
    file.write_text("nothing")
    done = check(TERMS / "hl7.out.toml", file, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["answers"] == {"readable": False, "problem": "there is no answer in it"}
    assert check(TERMS / "hl7.out.toml", tmp_path / "absent").exit_code == 2
    assert "answers: is missing" in check(TERMS / "csv.out.toml", file).stdout
