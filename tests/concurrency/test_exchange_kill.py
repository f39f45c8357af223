"""kill -9 of a scheduler at any time while it reads exports: nothing is lost, nothing is done twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from tests.conftest import FULL
from tests.exports import HIS, SHAPES, truth
from tests.feeds import Folders, closed_times, hospital_database, names, two_weeks
from tests.killed import killed_after
from tests.postgres import Cluster
from tests.seeds import value

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
MOMENTS = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5] if FULL else [0.02, 0.2, 0.5]
"""Seconds until each of the schedulers is killed."""

READER = """
import asyncio, sys
from pathlib import Path
from booking.db import Database
from booking.settings import load
from scheduler.jobs import read_exports
from tests.feeds import NOW

async def main():
    db, memory = Database(load().database_url, pool=2), read_exports.Memory()
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        await read_exports.run(db, Path(sys.argv[1]), now=NOW, memory=memory)

asyncio.run(main())
"""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


async def test_a_killed_scheduler_loses_nothing_and_doubles_nothing(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    folders = Folders(tmp_path / "feeds")
    drop, data = folders.add(URL), (HIS / SHAPES[URL]).read_bytes()
    for number, seconds in enumerate(MOMENTS):
        (drop / f"t0.url.{number}.csv").write_bytes(data + b"\r\n" * number)
        killed_after(READER, seconds, database_url, str(folders.home))
    await folders.look(db, 3)
    assert await closed_times(db) == truth()
    assert names(drop) == []
    assert names(drop / "done") == [f"t0.url.{number}.csv" for number in range(len(MOMENTS))]
    for table in ("feed_file", "audit_event WHERE action = 'export.apply'"):
        assert await value(db, f"SELECT count(*) FROM {table}") == len(MOMENTS)
