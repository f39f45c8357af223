"""`henkham feed draft` as a process: what it prints and writes, and with which code it ends."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.exports.feed_file import load_feed
from tests import forking
from tests.exports import HIS, ROOT, SHAPES
from tests.feeds import hospital_database, two_weeks
from tests.postgres import Cluster

pytestmark = pytest.mark.anyio
FILE = HIS / SHAPES["gnuhealth-url"]
PAGE = ROOT / "tests" / "data" / "feeds" / "lich-hen.xls"
KNOWN = ("--code", "x", "--facility", "BVVT", "--zone", "UTC", "--absence", "busy_list")


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


def run(
    *arguments: str | Path, database: str | None = None, command: str = "draft", fresh: bool = False
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command, forked, or fresh in a locale that knows no Vietnamese."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | ({"DATABASE_URL": database} if database else {})
    line = [sys.executable, "-m", "booking", "feed", command, *map(str, arguments)]
    done = forking.run(line, environment=environment, fresh=fresh)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_draft_is_written_once_and_refused_until_it_is_filled_in(tmp_path: Path) -> None:
    out = tmp_path / "feed.toml"
    code, said, left = run(PAGE, "-o", out, *KNOWN)
    assert (code, said) == (1, "")
    assert "our codes of 2 resources" in left
    assert run(out, PAGE, command="check")[0] == 2
    before = out.read_bytes()
    assert run(PAGE, "-o", out, *KNOWN)[0] == 2
    assert out.read_bytes() == before
    filled = before.decode().replace('"FILL IN 1"', "an").replace('"FILL IN 2"', "binh").replace('"FILL IN"', "15")
    out.write_text(filled)
    assert sorted(load_feed(out).resources) == ["an", "binh"]


def test_for_machines_and_for_a_file_that_tells_nothing(tmp_path: Path) -> None:
    code, said, err = run(PAGE, "--json")
    told = json.loads(said)
    assert (code, err, told["complete"]) == (1, "", False)
    assert told["keys"]["source.format"]["value"] == "html"
    assert told["keys"]["times.zone"]["choices"] == ["Asia/Ho_Chi_Minh", "UTC"]
    junk = tmp_path / "junk.csv"
    junk.write_bytes(b"hello\n")
    code, said, err = run(junk)
    assert (code, said) == (2, "")
    assert "nothing can be proposed" in err
    assert run(tmp_path / "none.csv")[0] == 2


def test_our_names_stand_beside_theirs(database_url: str) -> None:
    code, said, _ = run(FILE, "--json", *KNOWN, database=database_url, fresh=True)
    assert code == 1
    assert "near by name" in json.loads(said)["draft"] or "the name is the same" in json.loads(said)["draft"]
    code, _, left = run(FILE, *KNOWN, database="postgresql+asyncpg://nobody@127.0.0.1:1/none")
    assert code == 1
    assert "does not answer" in left
