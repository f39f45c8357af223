"""The order of a feed's files: what stays holds back what came after it, and an older export opens nothing."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from booking.db import Database
from booking.exchange import orders, service, showing
from booking.exchange.commands import ApplyExport
from booking.exchange.kinds import FileState, GuardReason, OrderKind
from booking.exchange.orders import Ordered
from booking.watch import queries as watch
from scheduler.exports.apart import ReaderLost
from scheduler.exports.arrivals import PATIENCE
from scheduler.jobs import follow_orders, read_exports
from scheduler.jobs.read_exports import Outcome
from tests.feeds import BY, NOW, Folders, Hospital, closed_times, hospital_database, names, row, starts, two_weeks
from tests.postgres import Cluster
from tests.seeds import rows, value

pytestmark = pytest.mark.anyio

FEED = """
code = "s"
facility = "BVVT"
[source]
format = "csv"
folder = "s"
[columns]
id = "ID"
start = "Start"
state = "S"
[columns.resource]
d = "D"
[times]
formats = ["%d/%m/%Y %H:%M"]
zone = "Asia/Ho_Chi_Minh"
[states]
closes = ["busy"]
releases = ["off"]
[absence]
meaning = "full_snapshot"
[coverage]
first_day = 2026-11-23
last_day = 2026-12-06
[resources.chau]
keys = ["chau"]
slot_minutes = 30
"""
CHANGES = FEED.replace("full_snapshot", "busy_list").partition("[coverage]")
CHANGE_FEED = CHANGES[0] + CHANGES[2].partition("2026-12-06\n")[2]


def export(*free: int) -> str:
    """Seven rows from 07:30 on, busy but for these."""
    lines = [
        f"{each},23/11/2026 {7 + each // 2:02}:{30 * (each % 2):02},{'off' if each in free else 'busy'},chau\n"
        for each in range(1, 8)
    ]
    return "ID,Start,S,D\n" + "".join(lines)


OLD, NEW = export(2), export()
"""In the old one 08:00 is free, in the new one it is taken."""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "feeds")


def drop(folder: Path, name: str, text: str, *, age: int) -> Path:
    """A file that was written so many seconds ago."""
    path = folder / name
    path.write_text(text)
    os.utime(path, (NOW.timestamp() - age, NOW.timestamp() - age))
    return path


def applied(outcomes: list[Outcome]) -> list[str]:
    return [each.file for each in outcomes if each.applied is not None]


async def closed(db: Database, feed: str = "s") -> list[str]:
    return starts(await closed_times(db, f"feed:{feed}"))


@pytest.mark.parametrize("trouble", [RuntimeError, ReaderLost])
async def test_a_file_in_trouble_holds_back_those_after_it(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    folder = folders.write("s", FEED)
    drop(folder, "a.csv", OLD, age=200)
    drop(folder, "b.csv", NEW, age=100)

    known = service.apply_file

    async def fails(session: Any, command: ApplyExport, **others: Any) -> object:
        if command.content.file_name == "a.csv":
            raise trouble
        return await known(session, command, **others)

    with monkeypatch.context() as patch:
        patch.setattr(service, "apply_file", fails)
        assert await folders.look(db) == []
    assert names(folder) == ["a.csv", "b.csv"]
    assert applied(await folders.look(db, 1)) == ["a.csv", "b.csv"]
    assert "08:00" in await closed(db)


async def test_a_file_that_is_cut_off_holds_back_those_after_it(db: Database, folders: Folders) -> None:
    folder = folders.write("s", FEED)
    cut = drop(folder, "a.csv", OLD.rstrip("\n"), age=200)
    drop(folder, "b.csv", NEW, age=100)
    assert await folders.look(db, 3) == []
    drop(folder, cut.name, OLD, age=150)
    assert applied(await folders.look(db)) == ["a.csv", "b.csv"]
    assert "08:00" in await closed(db)
    drop(folder, "c.csv", OLD.rstrip("\n"), age=90)
    drop(folder, "d.csv", export(3), age=80)
    outcomes = await folders.look(db, PATIENCE)  # one that stays cut off holds back nothing for ever
    assert [(each.file, each.where) for each in outcomes] == [("c.csv", "quarantine"), ("d.csv", "done")]


@pytest.mark.parametrize("text", [FEED, CHANGE_FEED], ids=["snapshot", "changes"])
async def test_an_older_export_that_comes_late_is_held_and_says_why(db: Database, folders: Folders, text: str) -> None:
    folder = folders.write("s", text)
    drop(folder, "b.csv", NEW, age=100)
    await folders.look(db)
    drop(folder, "a.csv", OLD, age=200)
    [outcome] = await folders.look(db)
    assert outcome.where == "held"
    assert outcome.applied is not None
    assert [reason for reason, _ in outcome.applied.verdict.reasons] == [GuardReason.WRITTEN_BEFORE]
    words = (folder / "held" / "a.csv.report.txt").read_text()
    assert "an old export that came late" in words
    assert "22/11/2026 23:58:20" in words  # when the newest was written, by the hospital's clock
    assert "08:00" in await closed(db)
    drop(folder, "c.csv", OLD, age=50)  # the control: written after it, the same content counts
    [outcome] = await folders.look(db)
    assert outcome.where == "done"
    assert "08:00" not in await closed(db)


async def test_a_clock_that_is_ahead_makes_nothing_old_that_comes_after(db: Database, folders: Folders) -> None:
    folder = folders.write("s", FEED)
    drop(folder, "b.csv", NEW, age=-1_000_000)
    await folders.look(db)
    drop(folder, "c.csv", OLD, age=-60)
    [outcome] = await folders.look(db, now=NOW + timedelta(minutes=5))
    assert outcome.where == "done"


async def test_a_late_export_that_is_released_makes_no_other_newer(db: Database, folders: Folders) -> None:
    folder = folders.write("s", FEED)
    drop(folder, "b.csv", NEW, age=100)
    await folders.look(db)
    drop(folder, "a.csv", OLD, age=300)
    await folders.look(db)
    [held] = await rows(db, "SELECT id, facility_id FROM feed_file WHERE state = 'held'")
    async with db.transaction() as session:
        order = Ordered(OrderKind.RELEASE, "It is the right one", "Lê Quản Lý Mẫu")
        await orders.give(session, held["facility_id"], held["id"], order, by=BY, now=NOW)
    await follow_orders.run(db, now=NOW)
    assert "08:00" not in await closed(db)
    drop(folder, "c.csv", export(3), age=200)
    [outcome] = await folders.look(db)
    assert outcome.where == "held"


async def test_one_file_a_feed_a_round(db: Database, folders: Folders) -> None:
    many = folders.write("s", FEED)
    other = folders.write("z", FEED.replace('"s"', '"z"'))
    for number in range(1, 4):
        drop(many, f"{number}.csv", export(number), age=300 - number)
    drop(other, "1.csv", NEW, age=10)
    folders.memory.at_once = 1  # else two feeds end in no order
    assert [(each.feed, each.file) for each in await folders.look(db)] == [
        ("s", "1.csv"), ("z", "1.csv"), ("s", "2.csv"), ("s", "3.csv"),
    ]  # fmt: skip
    for number in range(1, 4):
        drop(many, f"{number}.csv", export(number, 5), age=200 - number)
    folders.memory.seconds = 0  # a run whose time is over begins no new round: the next looks anew
    assert [each.file for each in await folders.look(db)] == ["1.csv"]
    assert [each.file for each in await folders.look(db, 1)] == ["2.csv"]


async def test_each_judgement_of_one_content_has_a_row_of_its_own(db: Database, folders: Folders) -> None:
    folder = folders.write("s", FEED)
    drop(folder, "a.csv", OLD, age=100)
    drop(folder, "b.csv", NEW, age=90)
    await folders.look(db)
    folders.write("s", FEED.replace("Asia/Ho_Chi_Minh", "America/New_York"))
    for name in ("b1.csv", "b2.csv"):  # refused once more, the newest row is only renewed
        drop(folder, name, NEW, age=90)
        [outcome] = await folders.look(db)
        assert outcome.where == "held"
    assert await alarms(db) == {"feed_held": 1.0, "feed_unreadable": 0.0}
    folders.write("s", FEED.replace('start = "Start"', 'start = "Beginn"'))
    drop(folder, "b3.csv", NEW, age=90)
    await folders.look(db)
    assert await alarms(db) == {"feed_held": 0.0, "feed_unreadable": 1.0}
    facility = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    async with db.transaction() as session:
        shown = await showing.files(session, facility, "s")
    told = [(each.name, each.standing, each.closed) for each in sorted(shown, key=lambda one: one.id)]
    assert told == [
        ("a.csv", "applied", 6),
        ("b.csv", "applied", 1),
        ("b2.csv", "held", 0),
        ("b3.csv", "unreadable", 0),
    ]
    newest = "SELECT id, facility_id FROM feed_file WHERE state = :state ORDER BY id DESC LIMIT 1"
    [back] = await rows(db, newest.replace(":state", f"'{FileState.APPLIED}'"))
    async with db.transaction() as session:  # the way back of what was applied is still there
        order = Ordered(OrderKind.RESTORE, "It was wrong", "Lê Quản Lý Mẫu")
        await orders.give(session, back["facility_id"], back["id"], order, by=BY, now=NOW)
    await follow_orders.run(db, now=NOW)
    assert "08:00" not in await closed(db)


async def alarms(db: Database) -> dict[str, float]:
    async with db.transaction() as session:
        found = await watch.look(session, now=NOW)
    return {each.name: each.value for each in found if each.name in {"feed_held", "feed_unreadable"}}


async def test_one_feed_in_trouble_stops_no_other_from_being_settled(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.home.mkdir()
    for code, clock in (("a", "09:00"), ("b", "10:00")):
        await Hospital(db, code=code).apply(row("1", clock))
    settled, known, broken = [], service.settle_feed, ["a"]

    async def settle(session: Any, feed: str, **others: Any) -> object:
        if feed in broken:
            raise RuntimeError
        settled.append(feed)
        return await known(session, feed, **others)

    monkeypatch.setattr(service, "settle_feed", settle)
    for _ in range(2):
        await read_exports.run(db, folders.home, now=NOW, memory=folders.memory)
    assert settled == ["b"]  # and it is done: only the broken one is tried again
    broken.clear()
    for _ in range(2):
        await read_exports.run(db, folders.home, now=NOW, memory=folders.memory)
    assert settled == ["b", "a"]
