"""`henkham feed out --dry-run` as a process: what would be told, and that nothing is."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking.db import Database
from tests import forking
from tests.conftest import environment
from tests.exports import TODAY
from tests.feeds import book, hospital_database, two_days
from tests.outgoing import TERMS
from tests.postgres import Cluster
from tests.seeds import everything

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


def ask(*arguments: str | Path, database: str | None = None, settings: bool = False) -> tuple[int, str]:
    """Exit code and output of the command."""
    variables = environment(database) if settings and database else {}
    variables |= {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | ({"DATABASE_URL": database} if database else {})
    command = [sys.executable, "-m", "booking", "feed", "out", *map(str, arguments), "--today", TODAY.isoformat()]
    done = forking.run(command, environment=variables)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def as_json(*arguments: str | Path, database: str | None = None) -> tuple[int, Any]:
    code, out = ask(*arguments, "--dry-run", "--json", database=database)
    return code, json.loads(out)


async def test_it_prints_what_would_be_told_and_writes_nothing(db: Database, database_url: str, tmp_path: Path) -> None:
    ticket = await book(db, "08:00")
    before = await everything(db)
    code, told = as_json(TERMS / "csv.out.toml", database=database_url)
    assert (code, told["usable"], told["number"], told["kind"]) == (0, True, 1, "changes")
    assert (told["visits"], told["events"], told["personal"]) == (1, {"new": 1}, [])
    code, out = ask(TERMS / "csv.out.toml", "--dry-run", "--full", database=database_url)
    assert code == 0
    assert "hen-kham-000001-full.csv: 1 visits (new 1)" in out
    assert f"{ticket.code},23/11/2026,08:00,30,004127/BRVT-CCHN" in out
    written = tmp_path / "next.csv"
    ask(TERMS / "csv.out.toml", "--dry-run", "-o", written, database=database_url)
    assert ticket.code in written.read_text()
    assert await everything(db) == before


async def test_where_persons_are_told_of_the_settings_are_needed(db: Database, database_url: str) -> None:
    await book(db, "08:00")
    code, told = as_json(TERMS / "hl7.out.toml", database=database_url)
    assert (code, told["usable"]) == (2, False)
    assert "personal values are sealed" in told["problems"][0]
    code, out = ask(TERMS / "hl7.out.toml", "--dry-run", database=database_url, settings=True)
    assert code == 0
    assert "|0903000001" in out


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    assert ask(TERMS / "csv.out.toml")[0] == 2
    assert as_json(TERMS / "csv.out.toml")[1]["problems"][0].startswith("DATABASE_URL is not set")
    wrong = tmp_path / "x.out.toml"
    wrong.write_text('code = "x"\n')
    code, told = as_json(wrong)
    assert code == 2
    assert "out: is missing" in told["problems"]
    assert as_json(TERMS / "hl7.out.toml", "--full")[1]["problems"] == ["full: the terms tell changes only"]
