"""`henkham publish` as a process: publishing by hand, and never past what a hospital has given away."""

import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from booking import clock
from booking.db import Database
from booking.exchange import service
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.guarding import Signs
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.rules import StagedRow
from tests import forking
from tests.conftest import environment
from tests.feeds import BY, QUIET, hospital_database, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
COMING = "SELECT count(*) FROM slot WHERE starts_at > now()"
FACILITIES = "SELECT count(DISTINCT facility_id) FROM slot WHERE starts_at > now()"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
async def empty(db: Database) -> None:
    """Times are made for the real present day: those of the sample's days, whenever they are, go first."""
    await run(db, "DELETE FROM slot_closure")
    await run(db, "DELETE FROM slot")
    await run(db, "UPDATE weekly_session SET valid_from = '2020-01-01'")


def publish(url: str, *arguments: str, fresh: bool = False) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command, forked or in a fresh process."""
    command = [sys.executable, "-m", "booking", "publish", *arguments]
    kept = {"PATH": "/usr/bin:/bin"} | environment(url)
    done = forking.run(command, environment=kept, fresh=fresh)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.usefixtures("empty")
async def test_it_publishes_one_facility_and_says_what_it_made(db: Database, database_url: str) -> None:
    code, out, err = publish(database_url, "--facility", "BVVT", "--days", "6")
    made = await value(db, COMING)
    assert (code, err, made > 0) == (0, "", True)
    assert f"{made} slots" in out
    assert await value(db, FACILITIES) == 1
    assert await value(db, "SELECT object_id FROM audit_event ORDER BY id DESC LIMIT 1") == "BVVT"
    code, out, _ = publish(database_url, "--facility", "BVVT", "--days", "6")
    assert (code, "New: 0 sessions, 0 slots." in out) == (0, True)
    code, out, _ = publish(database_url, fresh=True)
    assert (code, "all facilities, today and 30 days ahead" in out) == (0, True)
    assert await value(db, FACILITIES) > 1


@pytest.mark.usefixtures("empty")
async def test_what_a_hospital_has_given_away_is_never_open(db: Database, database_url: str) -> None:
    now = clock.utc_now()
    week = (now, now + timedelta(days=7))
    taken = StagedRow(1, "1", "chau", *week, "busy", closes=True)
    file = Content("x", "BVVT", "1", "x.csv", b"x" * 32, 1, {})
    terms = Terms(AbsenceMeaning.BUSY_LIST, None, {"chau": 30})
    async with db.transaction() as session:
        await service.apply_file(session, ApplyExport(file, [taken], Signs(1, 1), QUIET, terms), by=BY, now=now)
    assert publish(database_url, "--facility", "BVVT", "--days", "6")[0] == 0
    found = await rows(
        db,
        "SELECT slot.open, count(*) FROM slot JOIN practitioner ON practitioner.id = practitioner_id"
        " WHERE practitioner.code = 'chau' GROUP BY slot.open",
    )
    assert [each["open"] for each in found] == [False]


def test_an_unknown_facility_or_too_many_days_publish_nothing(database_url: str) -> None:
    code, out, err = publish(database_url, "--facility", "NOWHERE")
    assert (code, out) == (2, "")
    assert "There is no facility NOWHERE" in err
    assert publish(database_url, "--days", "366")[0] == 2
