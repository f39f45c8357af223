"""`henkham feed end`: a feed taken out of the folder goes on growing old, until somebody says that it is over."""

import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.exchange import hearing
from booking.watch import queries as watch
from tests import forking
from tests.conftest import environment
from tests.feeds import hospital_database, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
WATCHED = {"feed_old", "feed_held", "feed_age_seconds", "feed_fetch_failing"}


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


def end(url: str, feed: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    command = [sys.executable, "-m", "booking", "feed", "end", feed]
    done = forking.run(command, environment=environment(url) | {"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    return done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.fixture
async def grown_old(db: Database) -> None:
    """A feed that was heard of three hours ago; its newest file is held, and its last row takes a time to come."""
    facility = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    old = utc_now() - timedelta(hours=3)
    await run(db, "INSERT INTO feed_heard (feed, facility_id, heard_at, old_minutes, of_slips)"
        " VALUES ('bvvt', :facility, :old, 120, false)", facility=facility, old=old)  # fmt: skip
    await run(db, "INSERT INTO feed_file (feed, facility_id, file_name, size, sha256, received_at, state, report)"
        " VALUES ('bvvt', :facility, 'a.csv', 1, :hash, :old, 'held', '{}')",
        facility=facility, old=old, hash=b"1" * 32)  # fmt: skip
    await run(
        db,
        "INSERT INTO feed_row (feed, row_key, resource, starts_at, ends_at, closes, state_text, feed_file_id)"
        " SELECT 'bvvt', '1', 'BS1', now(), now() + interval '1 day', true, '', id FROM feed_file",
    )


async def _watched(db: Database) -> dict[str, float]:
    async with db.transaction() as session:
        return {each.name: each.value for each in await watch.look(session, now=utc_now()) if each.name in WATCHED}


async def _told_old(db: Database) -> bool:
    async with db.transaction() as session:
        return await hearing.old_since(session, "BVVT", now=utc_now()) is not None


@pytest.mark.usefixtures("grown_old")
async def test_an_ended_feed_is_waited_for_no_more_and_what_it_closed_stays_closed(
    db: Database, database_url: str
) -> None:
    before = await _watched(db)  # the control: without the command this stays so for ever
    assert (before["feed_old"], before["feed_held"], await _told_old(db)) == (1.0, 1.0, True)
    code, said = end(database_url, "bvvt")
    assert code == 0
    assert "bvvt is over" in said
    assert "1 of its rows take times to come; these stay closed" in said
    assert (await _watched(db), await _told_old(db)) == ({}, False)
    assert await value(db, "SELECT count(*) FROM feed_row WHERE closes") == 1
    (event,) = await rows(db, "SELECT action, object_id FROM audit_event WHERE action = 'feed.end'")
    assert tuple(event.values()) == ("feed.end", "bvvt")
    assert end(database_url, "bvvt") == (2, "Nobody waits for a feed bvvt.\n")


@pytest.mark.usefixtures("grown_old")
async def test_a_feed_whose_file_stands_in_the_folder_is_not_ended(db: Database, database_url: str) -> None:
    await run(db, "INSERT INTO feed_listed (file_name, feed, problems, keeps, since)"
        " VALUES ('benh-vien.toml', 'bvvt', '[]', false, now())")  # fmt: skip
    code, said = end(database_url, "bvvt")
    assert (code, "benh-vien.toml" in said) == (2, True)
    assert (await _watched(db))["feed_old"] == 1.0
