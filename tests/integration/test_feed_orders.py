"""A manager releases a held file, or goes back to the state before one: by the scheduler, with a name and a reason."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from booking.actor import Actor, ActorKind
from booking.db import Database
from booking.errors import BookingError
from booking.exchange import hearing, history, orders, queries, showing
from booking.exchange.errors import FeedFileUnknown, FileObsolete, OrderedAlready, ReasonMissing
from booking.exchange.guarding import Thresholds
from booking.exchange.kinds import AbsenceMeaning, FileState, OrderKind, OrderState
from booking.exchange.orders import Ordered
from scheduler.jobs import follow_orders
from tests.feeds import NOW, WINDOW, Hospital, book, hospital_database, nothing, row, two_days
from tests.postgres import Cluster
from tests.seeds import rows, value

pytestmark = pytest.mark.anyio
ONE = Actor(ActorKind.STAFF, id=str(UUID(int=1)))
TWO = Actor(ActorKind.STAFF, id=str(UUID(int=2)))
STRICT = Thresholds(shrink=0.2, refused=1, unmapped=1, outside_period=1, outside_hours=0.3, full_day=100_000)


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


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db, limits=STRICT)


async def order(
    db: Database, file: int, kind: OrderKind = OrderKind.RELEASE, *, by: Actor = ONE, why: str = "looked at it"
) -> BookingError | None:
    """Give an order; what it was refused with."""
    place = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    try:
        async with db.transaction() as session:
            await orders.give(session, place, file, Ordered(kind, why, "Sample Mẫu"), by=by, now=NOW)
    except BookingError as error:
        return error
    return None


async def newest(db: Database) -> int:
    return int(await value(db, "SELECT max(id) FROM feed_file"))


async def differences(db: Database, file: int) -> list[list[str]]:
    """The times a file closed, opened, would close and would open."""
    place = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    async with db.transaction() as session:
        _, run = await orders.file_at(session, place, file)
        found = await showing.differences(session, run)
    lists = (found.closed, found.opened, found.would_close, found.would_open)
    return [[f"{each.starts_at + timedelta(hours=7):%H:%M}" for each in one] for one in lists]


async def held(hospital: Hospital) -> int:
    """A file held because it speaks of nights: 02:00 where sessions begin at 07:30."""
    await hospital.apply(row("1", "08:00"), row("2", "09:00"))
    done = await hospital.apply(row("1", "12:00"), row("2", "12:10"), row("3", "10:00"))
    assert done.state is FileState.HELD
    assert await hospital.closed() == ["08:00", "09:00"]
    return await newest(hospital.db)


async def test_a_held_file_shows_what_it_would_change_and_is_applied_when_released(
    db: Database, hospital: Hospital
) -> None:
    file = await held(hospital)
    assert await differences(db, file) == [[], [], ["10:00"], ["08:00", "09:00"]]
    assert await order(db, file) is None
    assert await hospital.closed() == ["08:00", "09:00"]  # nothing is done in the request
    assert await follow_orders.run(db, now=NOW) == [OrderState.DONE]
    assert await hospital.closed() == ["10:00"]
    released = await newest(db)
    assert released > file
    assert await differences(db, released) == [["10:00"], ["08:00", "09:00"], [], []]
    [event] = await rows(
        db, "SELECT actor_id, facts FROM audit_event WHERE action = 'export.apply' ORDER BY id DESC LIMIT 1"
    )
    assert (event["actor_id"], event["facts"]["reason"], event["facts"]["name"]) == (
        ONE.id, "looked at it", "Sample Mẫu",
    )  # fmt: skip
    assert await follow_orders.run(db, now=NOW) == []
    assert isinstance(await order(db, file), FileObsolete)


async def test_openings_that_wait_are_released(db: Database, hospital: Hospital) -> None:
    await hospital.apply(*(row(str(hour), f"{hour:02}:00") for hour in range(8, 12)))
    await hospital.apply(row("8", "08:00"), row("20", "14:00"))
    file = await newest(db)
    assert await hospital.closed() == ["08:00", "09:00", "10:00", "11:00", "14:00"]
    assert await differences(db, file) == [["14:00"], [], [], ["09:00", "10:00", "11:00"]]
    assert await order(db, file) is None
    await follow_orders.run(db, now=NOW)
    assert await hospital.closed() == ["08:00", "14:00"]
    async with db.transaction() as session:
        before = await queries.whole_before(session, "x")
    assert before
    assert before[0].rows == 2  # the next file is compared with the one that was released


async def test_a_newer_file_makes_it_obsolete_before_and_after_the_order(db: Database, hospital: Hospital) -> None:
    file = await held(hospital)
    assert await order(db, file) is None
    await hospital.apply(row("1", "08:00"), row("2", "09:30"))
    assert await follow_orders.run(db, now=NOW) == [OrderState.OBSOLETE]
    assert await hospital.closed() == ["08:00", "09:30"]
    assert isinstance(await order(db, file), FileObsolete)


async def test_it_needs_a_reason_and_its_own_facility_and_the_first_manager_counts(
    db: Database, hospital: Hospital
) -> None:
    file = await held(hospital)
    assert isinstance(await order(db, file, why=" "), ReasonMissing)
    assert isinstance(await order(db, file + 100), FeedFileUnknown)
    assert await order(db, file) is None
    assert await order(db, file) is None
    assert isinstance(await order(db, file, by=TWO), OrderedAlready)
    assert await value(db, "SELECT count(*) FROM feed_order") == 1


async def test_two_schedulers_carry_an_order_out_once(db: Database, other: Database, hospital: Hospital) -> None:
    file = await held(hospital)
    await order(db, file)
    done = await asyncio.gather(follow_orders.run(db, now=NOW), follow_orders.run(other, now=NOW))
    assert sorted(map(len, done)) == [0, 1]
    assert await value(db, "SELECT count(*) FROM feed_file WHERE report ? 'released'") == 1


async def test_a_way_back_over_several_files_and_forth_again(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), row("2", "09:00"))
    await hospital.apply(row("1", "08:30"), row("2", "09:00"))
    wrong = await newest(db)
    await hospital.apply(row("1", "08:30"), row("3", "11:00"))
    assert await hospital.closed() == ["08:30", "11:00"]
    assert await order(db, wrong, OrderKind.RESTORE) is None
    assert await follow_orders.run(db, now=NOW) == [OrderState.DONE]
    assert await hospital.closed() == ["08:00", "09:00"]
    back = await newest(db)
    assert await differences(db, back) == [["08:00", "09:00"], ["08:30", "11:00"], [], []]
    assert await order(db, back, OrderKind.RESTORE, why="was right after all") is None
    await follow_orders.run(db, now=NOW)
    assert await hospital.closed() == ["08:30", "11:00"]


@pytest.mark.parametrize("meaning", list(AbsenceMeaning))
async def test_before_the_first_file_nothing_is_closed(db: Database, meaning: AbsenceMeaning) -> None:
    hospital = Hospital(db, meaning=meaning, window=WINDOW)
    await hospital.apply(row("1", "08:00"), row("2", "09:00", closes=False, offers=True))
    assert await hospital.closed()
    await order(db, await newest(db), OrderKind.RESTORE)
    assert await follow_orders.run(db, now=NOW) == [OrderState.DONE]
    assert await hospital.closed() == []
    await hospital.apply(row("1", "08:00"), row("2", "09:00", closes=False, offers=True), content="the next")
    assert "08:00" in await hospital.closed()


async def test_a_way_back_cancels_nobody(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"))
    await hospital.apply(nothing())
    emptied = await newest(db)
    await book(db, "08:00")
    await order(db, emptied, OrderKind.RESTORE)
    await follow_orders.run(db, now=NOW)
    assert await hospital.closed() == ["08:00"]
    assert [each["state"] for each in await rows(db, "SELECT state::text FROM appointment")] == ["booked"]
    assert [each["state"] for each in await rows(db, "SELECT state::text FROM conflict")] == ["open"]


async def test_only_the_last_runs_can_be_taken_back(
    db: Database, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 2)
    ids = []
    for clock in ("08:00", "08:30", "09:00", "09:30"):
        await hospital.apply(row("1", clock))
        ids.append(await newest(db))
    assert [type(await order(db, each, OrderKind.RESTORE)).__name__ for each in ids[1:3]] == [
        "FileObsolete", "NoneType",
    ]  # fmt: skip


async def test_the_same_content_keeps_the_data_young_and_a_held_one_does_not(db: Database, hospital: Hospital) -> None:
    async def old(hours: float) -> bool:
        async with db.transaction() as session:
            return await hearing.old_since(session, "BVVT", now=NOW + timedelta(hours=hours)) is not None

    assert not await old(9)  # nobody speaks of a hospital without a feed
    await hospital.apply(row("1", "08:00"), content="same")
    assert [await old(1.9), await old(2.1)] == [False, True]
    await hospital.apply(row("1", "08:00"), content="same", now=NOW + timedelta(hours=1))
    assert [await old(2.9), await old(3.1)] == [False, True]
    await hospital.apply(row("1", "12:00"), now=NOW + timedelta(hours=2))
    assert await old(3.1)
    await order(db, await newest(db))
    await follow_orders.run(db, now=NOW + timedelta(hours=3))
    assert [await old(3.9), await old(4.1)] == [False, True]  # as old as the file, however late it was released


def test_a_file_is_packed_and_unpacked_as_it_was() -> None:
    command = Hospital(None).command(row("1", "08:00", "08:30"), row(None, "09:00"))  # type: ignore[arg-type]
    assert history.unpack_command(history.pack_command(command)) == replace(command, rows=tuple(command.rows))
    assert history.unpack_rows(history.pack_rows({"1": command.rows[0], "2": None})) == {
        "1": command.rows[0],
        "2": None,
    }
