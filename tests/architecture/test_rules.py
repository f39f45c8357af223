"""Rules of the tree that no linter states."""

import ast
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 350
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_OUTSIDE = re.compile(r"\.\./shared|/(?:root|home|Users|mnt|work)/\w")
_OWN = "tests/architecture/test_rules.py"


def _tracked() -> list[Path]:
    """Files of the repository, those not committed yet too; without git (a source archive) every file there is."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [ROOT / name for name in sorted(listed) if (ROOT / name).is_file()]


def _texts() -> Iterable[tuple[str, str]]:
    for path in _tracked():
        name = str(path.relative_to(ROOT))
        if name in {_OWN, "requirements.lock"}:
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def _product() -> list[Path]:
    return [
        path
        for path in _tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ("booking", "scheduler")
    ]


def _calls(source: str, name: str) -> int:
    """How often a method of that name is called."""
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
        for node in ast.walk(ast.parse(source))
    )


def test_only_db_commits() -> None:
    """A use case never commits: whoever opened the transaction does, once, at its end.

    Migrations run before there is anything to promise, each under its own lock, and commit by Alembic's rules.
    """
    guilty = {
        str(path.relative_to(ROOT)): found
        for path in _product()
        if (found := _calls(path.read_text(encoding="utf-8"), "commit"))
        and path != ROOT / "booking" / "db.py"
        and "migrations" not in path.parts
    }
    assert guilty == {}


def test_the_rule_of_commits_sees_a_commit() -> None:
    assert _calls("async def f(session):\n    await session.commit()", "commit") == 1
    assert _calls("'.commit('  # session.commit()", "commit") == 0


def test_nothing_is_left_unfinished() -> None:
    assert [name for name, text in _texts() if _UNFINISHED.search(text)] == []


def test_no_file_of_the_product_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _product()
        if "versions" not in path.parts and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_every_folder_of_tests_says_what_belongs_there_and_what_does_not() -> None:
    folders = {
        path.parent for path in _tracked() if path.relative_to(ROOT).parts[0] == "tests" and path.suffix == ".py"
    }
    for folder in folders - {ROOT / "tests"}:
        said = (folder / "README.md").read_text(encoding="utf-8")
        assert "elongs here" in said, folder
        assert re.search(r"Does not:|no .* belongs here", said, re.DOTALL), folder


def test_nothing_points_outside_the_repository() -> None:
    guilty = [(name, _OUTSIDE.findall(text)[:3]) for name, text in _texts() if _OUTSIDE.search(text)]
    assert guilty == []


def test_no_folder_of_leftovers() -> None:
    """A name that says nothing collects everything."""
    banned = {"core", "common", "utils", "util", "helpers", "helper", "manager", "managers", "base", "misc"}
    guilty = [
        str(path.relative_to(ROOT))
        for path in _product()
        if path.stem in banned or banned & set(path.relative_to(ROOT).parts)
    ]
    assert guilty == []


def test_capabilities_use_the_same_file_names() -> None:
    """Rules, models, kinds and errors are found under the same name everywhere."""
    capabilities = ("appointments", "availability", "patients", "messages", "directory", "exchange", "queue")
    for capability in capabilities:
        names = {path.stem for path in (ROOT / "booking" / capability).glob("*.py")}
        assert "models" in names, capability
        assert "kinds" in names, capability
