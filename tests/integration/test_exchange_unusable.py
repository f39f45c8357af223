"""Days of a real export in which rows cannot be used any more: what was promised to the hospital stays closed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange import queries
from booking.exchange.kinds import GuardReason, VerdictKind
from booking.exchange.models import FeedFile
from scheduler.exports.feed_file import load_feed
from tests.exports import FEEDS, cells_of, closed_by, read, truth, written
from tests.feeds import Folders, Hospital, closed_times, hospital_database, moment, row, two_weeks
from tests.postgres import Cluster

pytestmark = pytest.mark.anyio
SHAPE, CODE = "gnuhealth-url", "bvvt-url"
LICENCE = "Health Prof/LICENSE ID"
Change = Callable[[list[str], list[str]], list[str]]


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


def file(change: Change | None = None, *, most: int = 0) -> bytes:
    """The real export, so many rows that take their time changed by `change`; of few all are doctor Châu's."""
    header, *rows = cells_of(SHAPE)
    who, state = header.index(LICENCE), header.index("State")
    out = []
    for cells in rows:
        ours = cells[state] == "confirmed" and (most > 50 or cells[who] == "001234/BRVT-CCHN")
        if change and most and ours:
            most -= 1
            out.append(change(header, cells))
        else:
            out.append(cells)
    assert not most
    return written([header, *out])


def with_cell(name: str, value: str) -> Change:
    return lambda header, cells: [value if title == name else cell for title, cell in zip(header, cells, strict=True)]


async def drop(db: Database, folders: Folders, folder: Path, name: str, content: bytes) -> tuple[VerdictKind, FeedFile]:
    (folder / name).write_bytes(content)
    (outcome,) = await folders.look(db)
    assert outcome.applied is not None
    async with db.transaction() as session:
        found = await queries.last_applied(session, CODE)
    assert found is not None
    return outcome.applied.verdict.kind, found


def without_doctor(header: Sequence[str], cells: Sequence[str]) -> list[str]:
    doctor = (LICENCE, "Health Prof/Record Name", "Specialty/Record Name")
    return ["" if title in doctor else cell for title, cell in zip(header, cells, strict=True)]


FEW = {
    "a licence issued anew": with_cell(LICENCE, "009999/BRVT-CCHN"),
    "a stray delimiter": lambda _, cells: [cells[0], "x", *cells[1:]],
}


def in_folder(tmp_path: Path) -> tuple[Folders, Path]:
    folders = Folders(tmp_path / "feeds")
    return folders, folders.add(SHAPE)


@pytest.mark.parametrize("change", FEW.values(), ids=FEW)
async def test_few_rows_that_cannot_be_used_open_nothing(db: Database, tmp_path: Path, change: Change) -> None:
    folders, folder = in_folder(tmp_path)
    assert (await drop(db, folders, folder, "t0.url.1.csv", file()))[0] is VerdictKind.APPLY
    assert await closed_times(db) == truth()
    kind, applied = await drop(db, folders, folder, "t0.url.2.csv", file(change, most=30))
    assert (kind, applied.report["stay"]) == (VerdictKind.APPLY, 30)
    assert await closed_times(db) == truth()
    assert (await drop(db, folders, folder, "t0.url.3.csv", file(with_cell("State", "user_cancelled"), most=1)))[0]
    assert await closed_times(db) < truth(), "what can be read again is followed"


async def test_a_few_rows_of_a_snapshot_that_are_with_nobody_now_close_nothing(db: Database, tmp_path: Path) -> None:
    """As the truth about a real export says: it is made of one snapshot alone (docs/decisions.md)."""
    folders, folder = in_folder(tmp_path)
    await drop(db, folders, folder, "t0.url.1.csv", file())
    data = file(without_doctor, most=9)
    kind, applied = await drop(db, folders, folder, "t0.url.2.csv", data)
    assert (kind, applied.report["stay"]) == (VerdictKind.APPLY, 0)
    left = await closed_times(db)
    assert len(truth() - left) > 5
    alone = closed_by(read(load_feed(FEEDS / f"{SHAPE}.toml"), data)[0])
    assert left == alone
    await drop(db, folders, folder, "t0.url.3.csv", file())
    assert await closed_times(db) == truth(), "with their doctor again, they close again"


async def test_control_were_they_forgotten_their_times_would_be_sold(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.exports.checking._Pile.traces", property(lambda _: [], lambda *_: None))
    folders, folder = in_folder(tmp_path)
    await drop(db, folders, folder, "t0.url.1.csv", file())
    await drop(db, folders, folder, "t0.url.2.csv", file(FEW["a licence issued anew"], most=30))
    assert len(truth() - await closed_times(db)) > 25


async def test_many_rows_without_their_doctor_wait_and_the_report_says_why(db: Database, tmp_path: Path) -> None:
    folders, folder = in_folder(tmp_path)
    await drop(db, folders, folder, "t0.url.1.csv", file())
    kind, applied = await drop(db, folders, folder, "t0.url.2.csv", file(without_doctor, most=100))
    assert kind is VerdictKind.CLOSINGS_ONLY
    (why,) = applied.report["verdict"]["reasons"]
    assert why["reason"] == GuardReason.WITHOUT_RESOURCE
    assert (why["facts"]["rows"] > 90, why["facts"]["before"]) == (True, 6)
    assert await closed_times(db) == truth()
    (report,) = (path for path in folder.rglob("*.txt"))
    assert "Does the doctor stand only once above a group of rows, or in merged cells?" in report.read_text()


async def test_what_had_no_doctor_before_explains_nothing_that_is_missing_now(db: Database) -> None:
    hospital = Hospital(db)
    await hospital.apply(row(None, "08:00"), row(None, "09:00"), nobody=[moment("08:00")])
    await hospital.apply(row(None, "09:00"), nobody=[moment("08:00")])
    assert await hospital.closed() == ["09:00"]
    for _ in range(2):
        await hospital.apply(row(None, "10:00"), nobody=[moment("08:00"), moment("09:00")])
        assert await hospital.closed() == ["09:00", "10:00"]
