"""`henkham feed check` and `feed draft` of a file of slips, as processes."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking import ids
from booking.db import Database
from tests import forking, seeds
from tests.exports import FEEDS, ROOT, TODAY
from tests.feeds import hospital_database, two_days
from tests.insurance import insurance_file, visit
from tests.postgres import Cluster

pytestmark = pytest.mark.anyio
FEED, FILE = FEEDS / "reexam-slips.toml", ROOT / "tests" / "data" / "feeds" / "phieu-hen.xml"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


def run(command: str, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    line = [sys.executable, "-m", "booking", "feed", command, *map(str, arguments)]
    done = forking.run(line, environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | environment)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(file: Path, *more: str, **environment: str) -> tuple[int, str, str]:
    """What the worked example would do with a file."""
    return run("check", FEED, file, "--today", TODAY.isoformat(), *more, **environment)


def test_by_the_feed_alone(tmp_path: Path) -> None:
    code, out, err = check(FILE)
    assert (code, err) == (0, "")
    assert "3 slips can be used, 1 taken back" in out
    assert "Verdict: apply" in out
    assert "Slips:" not in out
    other = tmp_path / "other.xml"
    other.write_bytes(insurance_file(visit(1, MA_CSKCB="77002")))
    code, out, _ = check(other)
    assert (code, "MA_CSKCB is '77002'" in out) == (2, True)
    nobody = tmp_path / "nobody.xml"
    nobody.write_bytes(insurance_file(visit(1, HO_TEN="7", SO_CCCD="")))
    code, out, _ = check(nobody)
    assert (code, "bad_person 1" in out, "nothing_read" in out) == (1, True, True)


def keys() -> dict[str, str]:
    """Settings enough for the keys, as the scheduler has them."""
    return {
        "PUBLIC_BASE_URL": "https://h.example", "HENKHAM_ENVIRONMENT": "test", "HENKHAM_SMS_PROVIDER": "console",
        "HENKHAM_SEAL_KEY": ids.opaque_key(48), "HENKHAM_INDEX_KEY": ids.opaque_key(48),
    }  # fmt: skip


async def test_beside_the_slips_that_are_there_and_nothing_stays(database_url: str) -> None:
    code, out, _ = check(FILE, DATABASE_URL=database_url)
    assert code == 0
    assert "Slips: not asked (slips are known by keys" in out
    code, out, _ = check(FILE, "--json", DATABASE_URL=database_url, **keys())
    told: Any = json.loads(out)
    assert code == 0
    assert {name: count for name, count in told["slips"].items() if count} == {"asked": True, "new": 2, "over": 1}
    db = Database(database_url, pool=1)
    assert await seeds.value(db, "SELECT count(*) FROM invitation") == 0
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action LIKE 'invitation%'") == 0
    await seeds.run(db, "UPDATE service SET code = 'other' WHERE code = 'kham-tim-mach'")
    await db.close()
    code, out, _ = check(FILE, DATABASE_URL=database_url, **keys())
    assert "BVVT has no service kham-tim-mach; its files would wait" in out


def test_a_draft_is_written_and_reads_its_file(tmp_path: Path) -> None:
    out = tmp_path / "feed.toml"
    code, _, left = run("draft", FILE, "-o", out, "--code", "phieu", "--facility", "BVVT")
    assert (code, "Complete" in left) == (0, True)
    code, said, _ = run("check", out, FILE, "--today", TODAY.isoformat())
    assert (code, "3 slips can be used" in said) == (0, True)
