"""kill -9 of a scheduler at any time while it tells a hospital: no number without its file, nothing told twice."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from tests.conftest import FULL
from tests.feeds import book, hospital_database, two_days
from tests.killed import killed_after
from tests.postgres import Cluster
from tests.seeds import rows
from tests.telling import CHANGES_ONLY, Desk

pytestmark = pytest.mark.anyio
MOMENTS = [0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3] if FULL else [0.02, 0.06, 0.15]
"""Seconds until each of the schedulers is killed."""
CLOCKS = ("07:30", "08:00", "08:30", "09:00", "09:30", "10:00", "10:30")

TELLER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from booking import sealed
from booking.db import Database
from booking.settings import load
from scheduler.jobs import write_bookings
from tests.feeds import NOW

async def main():
    settings = load()
    sealed.install(settings.keyring())
    db, memory, now = Database(settings.database_url, pool=2), write_bookings.Memory(), NOW
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        now += timedelta(minutes=5)
        await write_bookings.run(db, Path(sys.argv[1]), now=now, memory=memory)

asyncio.run(main())
"""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def test_a_killed_scheduler_tells_each_booking_once_in_files_without_a_gap(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    desk = Desk(db, tmp_path / "feeds")
    desk.add("csv", CHANGES_ONLY)
    codes = []
    seen: dict[str, bytes] = {}
    folder = desk.home / "bookings-csv"
    for number, seconds in enumerate(MOMENTS):
        codes.append((await book(db, CLOCKS[number], number=number + 1)).code)
        killed_after(TELLER, seconds, database_url, str(desk.home))
        # What the hospital may have taken by now never changes under its name.
        lying = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
        assert seen.items() <= lying.items()
        seen = lying
    await desk.tell()
    files = await rows(db, "SELECT number, file_name, sha256, handed_at FROM out_file ORDER BY number")
    assert [each["number"] for each in files] == list(range(1, len(files) + 1))
    assert all(each["handed_at"] for each in files)
    told = []
    for each in files:
        data = (folder / each["file_name"]).read_bytes()
        assert hashlib.sha256(data).digest() == bytes(each["sha256"])
        told += [row["Mã đặt khám"] for row in csv.DictReader(data.decode("utf-8-sig").splitlines())]
    assert sorted(told) == sorted(codes)
    assert sorted(path.name for path in folder.glob("*.csv")) == [each["file_name"] for each in files]
