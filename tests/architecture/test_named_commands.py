"""A command that a document names is there, with every option it is named with; a program or a file likewise."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from booking.cli.commands import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "deploy" / "README.md"])
_WORD = r"(?:[a-z][a-z-]*|--?[a-z][a-z-]*|[A-Z0-9][\w./-]*|'[^']*')"
_HENKHAM = re.compile(rf"(?<![=/\w-])henkham ({_WORD}(?: (?!  )[^\s`]+)*)")
_MAKE = re.compile(r"(?:`|^ {4})make ([a-z][a-z-]*)", re.MULTILINE)


def _named(text: str) -> Iterator[str]:
    """What follows `henkham` where a document shows a command: in backticks, or on a line of its own."""
    for line in text.splitlines():
        shown = (
            re.findall(r"`([^`]*)`", line) if not line.startswith("    ") else [re.split(r"\s{3,}", line.strip())[0]]
        )
        for one in shown:
            yield from (found[1] for found in _HENKHAM.finditer(one) if "henkham@" not in one)


def _wrong(said: str) -> str | None:
    """What is not there of a command line, or None."""
    here: Any = typer.main.get_command(app)
    for word in said.split():
        if word.startswith("--"):
            if not any(word.partition("=")[0] in each.opts + each.secondary_opts for each in here.params):
                return f"{said}: {word}"
        elif hasattr(here, "commands"):
            if not re.fullmatch(r"[a-z-]+", word):
                return f"{said}: {word}"
            if (found := here.commands.get(word)) is None:
                return f"{said}: {word}"
            here = found
    return None


def test_every_command_and_option_that_is_named_is_there() -> None:
    named = {said for path in DOCUMENTS for said in _named(path.read_text("utf-8"))}
    assert len(named) > 20
    assert [wrong for said in sorted(named) if (wrong := _wrong(said))] == []
    assert _wrong("after-dinner") == "after-dinner: after-dinner", "the control"
    assert _wrong("migrate --sow") == "migrate --sow: --sow"


def test_every_target_of_make_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {name for path in DOCUMENTS for name in _MAKE.findall(path.read_text("utf-8"))}
    assert len(named) > 5
    assert named <= targets


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("tests.bench", ("--pages", "--slots", "--sms", "--live")),
        ("tests.bench.rush", ("steady", "release", "overload", "past", "--nginx")),
        ("tests.ha", ("--trials", "--no-controls", "--restore")),
    ],
)
def test_what_is_measured_by_can_be_started(module: str, words: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert [word for word in words if word not in said] == []


def test_every_file_that_is_named_is_there() -> None:
    named = {
        name
        for path in DOCUMENTS
        for name in re.findall(r"`((?:deploy|docs|booking|scheduler|tests)/[\w./-]+\w)`", path.read_text("utf-8"))
    }
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
