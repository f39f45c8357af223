"""The scheduler among hostile files: it lives, other feeds go on, and each file lies in quarantine with a report."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random  # noqa: TID251 (the seed is the test's)

import pytest

from booking.db import Database
from booking.exchange.kinds import UnreadableReason
from scheduler.exports.apart import LIMITS, reading_processes
from tests.exports import HIS, SHAPES, truth
from tests.feeds import Folders, closed_times, hospital_database, names, two_weeks
from tests.hostile import Case, endless_rows, entities, memory_bomb, nested, outside_entities, zip_bomb
from tests.postgres import Cluster
from tests.seeds import rows

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
REASONS = "SELECT file_name, report -> 'unreadable' ->> 'reason' AS reason FROM feed_file WHERE state = 'quarantined'"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path / "feeds")
    found.memory.limits = replace(LIMITS, processor=2)  # a bomb of half a gigabyte takes one
    return found


def put(path: Path, data: bytes) -> None:
    """A file, and the marker that says that this is all of it."""
    path.write_bytes(data)
    path.with_name(f"{path.name}.done").touch()


def bombs() -> dict[str, tuple[str, Case]]:
    """By the feed and the name each arrives under: a file that must not be read to its end."""
    drawn: dict[str, Callable[[Random], Case]] = {"zip": zip_bomb, "laughs": entities, "outside": outside_entities}
    made = {f"{name}.xlsx": ("workbook", draw(Random(name))) for name, draw in drawn.items()}
    made["rows.xlsx"] = "workbook", endless_rows()
    made["memory.json"] = "fhir", memory_bomb(9_000_000)
    deep = nested(Random(2))
    return made | {"deep.json": ("fhir", replace(deep, data=b"[" * 100_000))}


async def test_bombs_beside_a_sound_feed(db: Database, folders: Folders) -> None:
    text = ("[columns]", "[limits]\nmegabytes = 1\nrows = 1000\n[columns]")
    drops = {"workbook": folders.add("workbook", text), "fhir": folders.add("fhir")}
    cases = bombs()
    for name, (feed, case) in cases.items():
        put(drops[feed] / name, case.data)
    shutil.copy(HIS / SHAPES[URL], folders.add(URL))
    outcomes = await folders.look(db)
    assert {each.file: each.where for each in outcomes if each.file in cases} == dict.fromkeys(cases, "quarantine")
    assert await closed_times(db) == truth()
    found = {each["file_name"]: each["reason"] for each in await rows(db, REASONS)}
    assert (found["memory.json"], found["rows.xlsx"]) == ("too_much_memory", "took_too_long")
    assert (found["laughs.xlsx"], found["outside.xlsx"], found["deep.json"]) == ("damaged", "damaged", "damaged")
    assert set(found.values()) <= {reason.value for reason in UnreadableReason}
    for name, (feed, _) in cases.items():
        words = (drops[feed] / "quarantine" / f"{name}.report.txt").read_text()
        assert "chưa có gì được áp dụng" in words
        assert len(words.splitlines()) > 7
    assert names(drops["fhir"]) == names(drops["workbook"]) == []


async def test_signs_no_database_keeps_are_the_files_trouble(db: Database, folders: Folders) -> None:
    drop = folders.add("fhir")
    told = {"resourceType": "Appointment", "id": "1", "status": "booked", "start": "2026-11-23T07:30:00+07:00"}
    told["participant"] = [{"actor": {"reference": "Practitioner/bs01"}}]  # type: ignore[assignment]
    for name, change in (("nul", {"id": "\0"}), ("half", {"status": "\ud800"}), ("long", {"id": "a" * 40_000})):
        put(drop / f"{name}.json", json.dumps(told | change).encode())
    await folders.look(db)
    found = {each["file_name"]: each["reason"] for each in await rows(db, REASONS)}
    assert found == {"nul.json": "nul_byte", "half.json": "damaged", "long.json": "field_too_long"}
    assert names(drop) == []


async def test_when_the_reading_process_is_killed_the_file_waits_and_is_read_at_the_next_look(
    db: Database, folders: Folders
) -> None:
    folders.memory.limits = LIMITS
    slow, drop = folders.add("workbook"), folders.add(URL)
    put(slow / "rows.xlsx", endless_rows().data)
    reading_processes().close()

    def kill() -> None:
        (process,) = [each._process for each in reading_processes().processes if each._process is not None]
        os.kill(process.pid, signal.SIGKILL)

    killer = threading.Timer(2, kill)
    killer.start()
    assert await folders.look(db, 1) == []
    killer.join()
    assert names(slow) == ["rows.xlsx", "rows.xlsx.done"]
    for each in slow.iterdir():
        each.unlink()
    shutil.copy(HIS / SHAPES[URL], drop)
    assert [each.where for each in await folders.look(db)] == ["done"]
    assert await closed_times(db) == truth()
