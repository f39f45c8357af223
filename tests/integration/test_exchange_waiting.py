"""Openings that wait stay waiting, and cancellations that come alone in a file of changes do not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange import service
from booking.exchange.commands import Terms
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning, VerdictKind
from booking.exchange.service import Applied
from tests.feeds import BY, NOW, Folders, Hospital, Time, closed_times, hospital_database, row, two_days
from tests.postgres import Cluster

pytestmark = [pytest.mark.anyio]

SIU = (
    "MSH|^~\\&|HIS|B|H|B|20261123||SIU^{event}^SIU_S12|{number}|P|2.5\r"
    "SCH|{number}|{number}|||||||30|min|^^^20261124{hour}0000+0700^20261124{hour}3000+0700\r"
    "AIS|1|A|X|20261124{hour}0000+0700\rAIP|1|A|chau\r"
)


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def doubtful(free: Hospital) -> Applied:
    """A shorter list in which too many rows are refused."""
    free.window, free.limits = (NOW, NOW + timedelta(days=1)), Thresholds()
    offer = row("1", "08:00", closes=False, offers=True)
    command = free.command(offer, signs=Signs(rows=10, read=1, refused=5))
    async with free.db.transaction() as session:
        return await service.apply_file(session, command, by=BY, now=NOW)


async def test_a_shorter_list_of_free_times_that_is_doubted_opens_nothing(db: Database) -> None:
    free = Hospital(db, "free", AbsenceMeaning.FREE_LIST)
    await free.apply(row("1", "08:00", closes=False, offers=True))
    closed = await free.closed()
    assert "24 08:00" in closed
    done = await doubtful(free)
    assert (done.verdict.kind, done.counts.opened) == (VerdictKind.CLOSINGS_ONLY, 0)
    async with db.transaction() as session:
        await service.settle_feed(session, "free", by=BY, now=NOW)
    assert await free.closed() == closed


async def test_under_its_own_terms_alone_it_would_open(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    free = Hospital(db, "free", AbsenceMeaning.FREE_LIST)
    await free.apply(row("1", "08:00", closes=False, offers=True))
    monkeypatch.setattr(Terms, "beside", lambda terms, _: terms)
    await doubtful(free)
    async with db.transaction() as session:
        await service.settle_feed(session, "free", by=BY, now=NOW)
    assert "24 08:00" not in await free.closed()


async def messages(db: Database, home: Path, *changes: tuple[str, str]) -> VerdictKind:
    """Eight new visits, then one file with one cancellation."""
    folders = Folders(home / "feeds")
    keys = (('keys = ["BS01"]', 'keys = ["chau"]'), ("[resources.an]", "[resources.chau]"))
    drop = folders.add("hl7-siu", *keys, *changes)
    hours = (*range(8, 11), *range(13, 18))
    new = (SIU.format(event="S12", number=number, hour=f"{hour:02}") for number, hour in enumerate(hours))
    (drop / "1.hl7").write_bytes("".join(new).encode())
    await folders.look(db)
    assert "24 08:00" in _starts(await closed_times(db, "feed:hl7-siu"))
    (drop / "2.hl7").write_bytes(SIU.format(event="S15", number=0, hour="08").encode())
    [last] = await folders.look(db)
    assert last.applied
    return last.applied.verdict.kind


def _starts(times: frozenset[Time]) -> set[str]:
    return {f"{start + timedelta(hours=7):%d %H:%M}" for _, start, _ in times}


async def test_a_cancellation_that_comes_alone_opens(db: Database, tmp_path: Path) -> None:
    assert await messages(db, tmp_path) is VerdictKind.APPLY
    assert "24 08:00" not in _starts(await closed_times(db, "feed:hl7-siu"))


async def test_as_a_list_of_all_that_is_taken_it_waits(db: Database, tmp_path: Path) -> None:
    kind = await messages(db, tmp_path, ('meaning = "change_feed"  ', 'meaning = "busy_list"  '))
    assert kind is VerdictKind.CLOSINGS_ONLY
    assert "24 08:00" in _starts(await closed_times(db, "feed:hl7-siu"))
