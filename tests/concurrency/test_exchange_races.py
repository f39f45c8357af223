"""Two at once on one export: two schedulers, an import beside publishing, an import beside a booking."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.appointments.errors import SlotClosed
from booking.appointments.service import Ticket
from booking.availability import service as availability
from booking.availability.commands import PublishSlots
from booking.db import Database
from booking.exchange import queries, service
from booking.exchange.queries import Plan
from tests.exports import HIS, SHAPES, truth
from tests.feeds import BY, NOW, Folders, Hospital, book, closed_times, hospital_database, names, publish, row, two_days
from tests.postgres import Cluster
from tests.seeds import value

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
APPLIED = "SELECT count(*) FROM audit_event WHERE action = 'export.apply'"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
async def other(db: Database) -> AsyncIterator[Database]:
    """The database as a second process has it."""
    database = Database(db.engine.url.render_as_string(hide_password=False), pool=4)
    yield database
    await database.close()


def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two imports meet after each has looked whether the content is done."""
    barrier, look = asyncio.Barrier(2), queries.plan

    async def met(*given: object, **more: object) -> Plan:
        try:
            async with asyncio.timeout(1):
                await barrier.wait()
        except (TimeoutError, asyncio.BrokenBarrierError):
            pass  # the other one waits for our lock, as it should
        return await look(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "plan", met)


async def both(db: Database, other: Database) -> list[bool]:
    """The same content by two processes at once; whether each found it done already."""
    row_of = row("1", "08:00")
    done = await asyncio.gather(*(Hospital(each).apply(row_of, content="same") for each in (db, other)))
    return sorted(each.again for each in done)


async def test_an_earlier_content_again_is_done_once_by_two_at_once_and_only_closes(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital = Hospital(db)
    await hospital.apply(row("1", "08:00"), content="same")
    await hospital.apply(row("1", "09:00"), content="later")
    together(monkeypatch)
    assert await both(db, other) == [False, True]
    assert await value(db, APPLIED) == 3
    assert await hospital.closed() == ["08:00", "09:00"]


async def test_the_same_content_at_once_is_done_once(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    together(monkeypatch)
    assert await both(db, other) == [False, True]
    assert await value(db, APPLIED) == 1


async def test_without_the_facilitys_lock_it_is_done_twice(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    together(monkeypatch)

    async def unlocked(session: AsyncSession, facility: str) -> int:
        return await queries.facility_of(session, facility) or 0

    monkeypatch.setattr(service, "alone_at", unlocked)
    assert await both(db, other) == [False, False]
    assert await value(db, APPLIED) == 2


async def test_two_schedulers_on_one_folder_apply_a_file_once(db: Database, other: Database, tmp_path: Path) -> None:
    one, two = Folders(tmp_path / "feeds"), Folders(tmp_path / "feeds")
    drop = one.add(URL)
    shutil.copy(HIS / SHAPES[URL], drop)
    await asyncio.gather(one.look(db, 3), two.look(other, 3))
    assert await closed_times(db) == {each for each in truth() if each[1] < NOW + timedelta(days=2)}
    assert await value(db, APPLIED) == 1
    assert (names(drop), names(drop / "done")) == ([], [SHAPES[URL]])


async def beside_publishing(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch, facility: str | None = "BVVT"
) -> list[str]:
    """A feed's first file comes between the making of slots and their commit; what the feed closes afterwards."""
    made, known = asyncio.Event(), queries.feeds_applied

    async def slowly(session: AsyncSession, at: str | None = None) -> list[str]:
        feeds = await known(session, at)
        made.set()
        await asyncio.sleep(0.5)
        return feeds

    monkeypatch.setattr(queries, "feeds_applied", slowly)
    hospital = Hospital(other)

    async def hand_in() -> None:
        await made.wait()
        await hospital.apply(row("1", "09:00", day=26))

    async def publishing() -> None:
        async with db.transaction() as session:
            await service.publish(session, PublishSlots(facility=facility, horizon_days=5), by=BY, now=NOW)

    await asyncio.gather(publishing(), hand_in())
    return await hospital.closed()


@pytest.mark.parametrize("facility", ["BVVT", None])
async def test_an_import_beside_publishing_sees_all_of_it(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch, facility: str | None
) -> None:
    assert await beside_publishing(db, other, monkeypatch, facility) == ["26 09:00"]


@pytest.mark.parametrize(
    ("facility", "lock", "nothing"),
    [("BVVT", "_ALONE_AT", "SELECT CAST(:facility_id AS bigint)"), (None, "_IMPORTING", "SELECT 1")],
)
async def test_without_the_lock_of_publishing_a_given_away_time_stays_open(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch, facility: str | None, lock: str, nothing: str
) -> None:
    monkeypatch.setattr(service, lock, text(nothing))
    assert await beside_publishing(db, other, monkeypatch, facility) == []


async def test_a_booking_beside_an_import_is_refused_or_a_conflict(db: Database, other: Database) -> None:
    """Ten patients and an import reach for ten times at once: nobody ends up in a closed time unnoticed."""
    times = ["07:30", "08:00", "08:30", "09:00", "09:30", "10:00", "10:30", "11:00", "13:30", "14:00"]
    tries = [book(other, each, number=number) for number, each in enumerate(times, 1)]
    rows = [row(str(number), each) for number, each in enumerate(times)]
    found = await asyncio.gather(Hospital(db).apply(*rows), *tries, return_exceptions=True)
    done, *visits = found
    assert isinstance(done, service.Applied)
    booked = [each for each in visits if isinstance(each, Ticket)]
    refused = [each for each in visits if isinstance(each, SlotClosed)]
    assert len(booked) + len(refused) == 10
    assert done.counts.conflicts == len(booked)
    assert await value(db, "SELECT count(*) FROM conflict WHERE state = 'open'") == len(booked)
    assert len(await closed_times(db)) == 10


async def test_a_booking_that_commits_while_the_import_waits_is_seen(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = availability.settle_closures

    async def after_a_booking(*given: object, **more: object) -> object:
        await book(other, "08:00")
        return await settle(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(availability, "settle_closures", after_a_booking)
    assert (await Hospital(db).apply(row("1", "08:00"))).counts.conflicts == 1


async def test_publishing_twice_at_once_beside_an_import_ends(db: Database, other: Database) -> None:
    """No ring of locks."""
    hospital = Hospital(db)
    await asyncio.gather(
        publish(db, days=3), publish(other, days=5), hospital.apply(row("1", "09:00", day=26)),
        hospital.apply(row("1", "09:00", day=26), row("2", "09:00", day=24)),
    )  # fmt: skip
    assert set(await hospital.closed()) >= {"26 09:00"}
    async with db.transaction() as session:
        command = PublishSlots(facility="BVVT", horizon_days=5)
        assert not (await service.publish(session, command, by=BY, now=NOW)).changed
