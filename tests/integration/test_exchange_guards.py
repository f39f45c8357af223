"""Guards that look at the calendar, by the job that reads files: each holds what it must, and nothing without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange.kinds import FileState, GuardReason, VerdictKind
from booking.exchange.service import Applied
from tests.exports import cells_of, written
from tests.feeds import Folders, closed_times, hospital_database, two_weeks
from tests.postgres import Cluster

pytestmark = [pytest.mark.anyio]

URL = "gnuhealth-url"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


def place(name: str) -> int:
    """The column of this header, or of the nearest that begins so."""
    return next(number for number, head in enumerate(cells_of(URL)[0]) if head.casefold().startswith(name.casefold()))


async def then(db: Database, home: Path, rows: list[list[str]], *changes: tuple[str, str]) -> Applied:
    """The sample export, and after it another with these rows."""
    folders = Folders(home / "feeds")
    drop = folders.add(URL, *changes)
    head, *body = cells_of(URL)
    (drop / "t0.url.csv").write_bytes(written([head, *body]))
    [first] = await folders.look(db)
    assert first.applied
    assert first.applied.verdict.kind is VerdictKind.APPLY
    (drop / "t0.url2.csv").write_bytes(written([head, *rows]))
    [second] = await folders.look(db)
    assert second.applied
    return second.applied


def with_state(word: str) -> list[list[str]]:
    column = place("State")
    return [[*row[:column], word, *row[column + 1 :]] for row in cells_of(URL)[1:]]


async def test_states_that_nobody_knows_close_nothing_more(db: Database, tmp_path: Path) -> None:
    done = await then(db, tmp_path, with_state("XX"))
    assert done.state is FileState.HELD
    assert [reason for reason, _ in done.verdict.reasons] == [GuardReason.MANY_CLOSINGS]


async def test_without_the_guard_they_close_everything(db: Database, tmp_path: Path) -> None:
    done = await then(db, tmp_path, with_state("XX"), ("[absence]", "[guards]\nclosings = 1.0\n[absence]"))
    assert done.verdict.kind is VerdictKind.APPLY
    assert done.counts.closed > 100


async def test_everything_free_at_once_waits(db: Database, tmp_path: Path) -> None:
    done = await then(db, tmp_path, with_state("free"))
    assert done.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert [reason for reason, _ in done.verdict.reasons] == [GuardReason.MANY_OPENINGS]
    assert done.counts.opened == 0


async def test_without_the_guard_everything_opens(db: Database, tmp_path: Path) -> None:
    done = await then(db, tmp_path, with_state("free"), ("[absence]", "[guards]\nopenings = 1.0\n[absence]"))
    assert done.verdict.kind is VerdictKind.APPLY
    assert await closed_times(db, f"feed:{URL}") == frozenset()


async def test_a_doctor_who_is_not_in_the_file_stays_closed(db: Database, tmp_path: Path) -> None:
    licence = place("Health Prof/LICENSE")
    rows = [row for row in cells_of(URL)[1:] if row[licence] != "004127/BRVT-CCHN"]
    done = await then(db, tmp_path, rows)
    assert done.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert GuardReason.RESOURCES_MISSING in dict(done.verdict.reasons)
    assert done.counts.opened == 0


async def test_a_file_without_its_last_days_opens_none_of_them(db: Database, tmp_path: Path) -> None:
    start = place("Start")
    rows = sorted(cells_of(URL)[1:], key=lambda row: row[start])
    done = await then(db, tmp_path, rows[: int(len(rows) * 0.81)])
    assert done.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert [reason for reason, _ in done.verdict.reasons] == [GuardReason.COVERAGE_SHORT]
    assert done.counts.opened == 0
