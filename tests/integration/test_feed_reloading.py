"""A feed's file is read again when it changes; one that becomes wrong keeps what it said, and alarms say so."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.watch import queries as watch
from scheduler.exports.feed_folder import FeedFolder
from scheduler.jobs.read_exports import Memory
from tests.exports import HIS, SHAPES, SMALL
from tests.feeds import Folders, closed_times, hospital_database, two_days
from tests.postgres import Cluster
from tests.seeds import rows

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def wrong(db: Database) -> dict[str, float]:
    """What the alarm sees."""
    async with db.transaction() as session:
        readings = await watch.look(session, now=utc_now())
    return {each.labels["feed"]: each.value for each in readings if each.name == "feed_wrong"}


async def test_a_change_is_taken_at_the_next_look_and_a_mistake_keeps_what_was(db: Database, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "feeds")
    drop = folders.add(URL)
    path = folders.home / f"{URL}.toml"
    await folders.look(db, 1)
    assert await wrong(db) == {"bvvt-url": 0.0}
    good = path.read_text()
    path.write_text(good.replace("[columns]", "[colums]"))
    shutil.copy(HIS / SHAPES[URL], drop)
    assert [each.where for each in await folders.look(db)] == ["done"]
    assert await closed_times(db)
    assert await wrong(db) == {"bvvt-url": 1.0}
    [listed] = await rows(db, "SELECT feed, facility_id, problems, keeps FROM feed_listed")
    assert (listed["feed"], listed["keeps"], listed["facility_id"] is not None) == ("bvvt-url", True, True)
    assert any("did you mean 'columns'?" in problem for problem in listed["problems"])
    path.write_text(good.replace('"bvvt-url"', '"bvvt-new"'))
    await folders.look(db, 1)
    assert await wrong(db) == {"bvvt-new": 0.0}
    path.unlink()
    await folders.look(db, 1)
    assert await wrong(db) == {}


async def test_what_was_never_right_is_listed_and_its_files_wait(db: Database, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "feeds")
    drop = folders.add(URL, ("[columns]", "[colums]"))
    shutil.copy(HIS / SHAPES[URL], drop)
    assert await folders.look(db) == []
    [listed] = await rows(db, "SELECT feed, facility_id, keeps FROM feed_listed")
    assert (listed["feed"], listed["keeps"], listed["facility_id"] is not None) == ("bvvt-url", False, True)
    folders.memory = Memory()  # started anew
    folders.add(URL)
    assert [each.where for each in await folders.look(db)] == ["done"]


def test_twins_and_files_that_are_no_toml_are_listed(tmp_path: Path) -> None:
    for name, text in (("a", SMALL), ("b", SMALL), ("c", "x = ")):
        (tmp_path / f"{name}.toml").write_text(text)
    folder = FeedFolder()
    feeds, broken = folder.look(tmp_path)
    assert (len(feeds), len(broken)) == (1, 2)
    listed = {each.file_name: (each.feed, bool(each.problems), each.keeps) for each in folder.listed()}
    assert listed == {
        "a.toml": ("small", False, False), "b.toml": ("small", True, False), "c.toml": ("", True, False),
    }  # fmt: skip
    assert folder.look(tmp_path)[1] == []
