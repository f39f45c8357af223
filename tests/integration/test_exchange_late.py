"""A list of changes says each change once: what a guard held back goes in later, but for what newer files told of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.db import Database
from booking.exchange import late, orders, service, showing
from booking.exchange.commands import ApplyExport
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning, FileState, OrderKind, OrderState, VerdictKind
from booking.exchange.rules import StagedRow
from booking.exchange.service import Applied
from scheduler.jobs import follow_orders
from tests.feeds import BY, NOW, Hospital, hospital_database, row, two_days
from tests.integration.test_feed_orders import ONE
from tests.postgres import Cluster
from tests.seeds import value

pytestmark = pytest.mark.anyio

EVENING = tuple(row(f"evening {number}", "20:00") for number in range(20))
"""So many rows at hours without sessions that nothing of their file applies."""
DOUBTED = Signs(rows=40, read=40, bad_ends=20)
"""So many ends that cannot be read that only closings apply."""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db, meaning=AbsenceMeaning.CHANGE_FEED, window=None, limits=Thresholds())


async def _sent(hospital: Hospital, command: ApplyExport) -> Applied:
    async with hospital.db.transaction() as session:
        return await service.apply_file(session, command, by=BY, now=NOW)


async def _held(hospital: Hospital, *rows: StagedRow, signs: Signs | None = None) -> tuple[ApplyExport, int]:
    """The file and its record; with signs only its openings are held."""
    command = hospital.command(*rows, *(() if signs else EVENING), signs=signs)
    done = await _sent(hospital, command)
    assert done.verdict.kind is (VerdictKind.CLOSINGS_ONLY if signs else VerdictKind.HOLD)
    return command, done.file_id


async def _released(db: Database, file: int) -> list[OrderState]:
    place = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    async with db.transaction() as session:
        wanted = orders.Ordered(OrderKind.RELEASE, "looked at it", "Sample Mẫu")
        await orders.give(session, place, file, wanted, by=ONE, now=NOW)
    return await follow_orders.run(db, now=NOW)


async def _waiting(db: Database) -> list[int]:
    place = await value(db, "SELECT id FROM facility WHERE code = 'BVVT'")
    async with db.transaction() as session:
        return [which for which, _ in (await showing.feed(session, place, "x", now=NOW)).waiting]


async def test_what_was_held_goes_in_after_newer_files_but_for_what_they_told_of(
    db: Database, hospital: Hospital
) -> None:
    await hospital.apply(row("1", "08:00"), row("2", "09:00"))
    _, file = await _held(hospital, row("1", "10:00"), row("2", "10:30"), row("3", "11:00"))
    await hospital.apply(row("2", "09:00"), row("4", "14:00"))  # 2 is where it was, says the newer one
    assert await hospital.closed() == ["08:00", "09:00", "14:00"]
    assert await _waiting(db) == [file]
    assert await _released(db, file) == [OrderState.DONE]
    assert await hospital.closed() == ["09:00", "10:00", "11:00", "14:00"]
    assert await _waiting(db) == []


async def test_control_where_nobody_notes_what_was_said_again_a_taken_time_opens(
    db: Database, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgets(*_: object) -> None:
        pass

    monkeypatch.setattr(late, "touch", forgets)
    await hospital.apply(row("2", "09:00"))
    _, file = await _held(hospital, row("2", "10:30"))
    await hospital.apply(row("2", "09:00"))
    await _released(db, file)
    assert await hospital.closed() == ["10:30"]


async def test_cancellations_that_waited_are_released_after_newer_files(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), row("2", "09:00"), row("3", "10:00"))
    off = [row(key, at, closes=False) for key, at in (("1", "08:00"), ("2", "09:00"))]
    _, file = await _held(hospital, *off, row("5", "11:00"), signs=DOUBTED)
    await hospital.apply(row("2", "09:00"))  # given away again
    assert await hospital.closed() == ["08:00", "09:00", "10:00", "11:00"]
    assert await _released(db, file) == [OrderState.DONE]
    assert await hospital.closed() == ["09:00", "10:00", "11:00"]


async def test_a_file_whose_feed_was_put_right_goes_in_by_itself(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"), row("2", "09:00"))
    wrong, _ = await _held(hospital, row("1", "10:00"), row("2", "10:30"))
    await hospital.apply(row("2", "14:00"))
    rows = [one for one in wrong.rows if one not in EVENING]
    right = replace(wrong, content=replace(wrong.content, definition="2"), rows=rows, signs=Signs(rows=2, read=2))
    done = await _sent(hospital, right)
    assert (done.state, done.verdict.kind) == (FileState.APPLIED, VerdictKind.APPLY)
    assert await hospital.closed() == ["10:00", "14:00"]
    assert await _waiting(db) == []


async def test_held_again_it_is_not_newer_than_what_came_between(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"))
    wrong, first = await _held(hospital, row("1", "10:00"), row("2", "10:30"))
    await hospital.apply(row("1", "14:00"))
    still_wrong = replace(wrong, content=replace(wrong.content, definition="2"))
    again = await _sent(hospital, still_wrong)
    assert again.state is FileState.HELD
    assert again.file_id != first
    assert await _waiting(db) == [again.file_id]
    assert await _released(db, again.file_id) == [OrderState.DONE]
    assert await hospital.closed() == ["10:30", "14:00"]


async def test_of_several_that_wait_the_newer_wins_whichever_is_released_first(
    db: Database, hospital: Hospital
) -> None:
    await hospital.apply(row("1", "08:00"))
    _, older = await _held(hospital, row("1", "10:00"), row("2", "10:30"))
    _, newer = await _held(hospital, row("1", "11:00"))
    await hospital.apply(row("9", "14:00"))
    assert await _waiting(db) == [older, newer]
    await _released(db, newer)
    await _released(db, older)
    assert await hospital.closed() == ["10:30", "11:00", "14:00"]


async def test_a_file_whose_rows_are_over_waits_no_more(db: Database, hospital: Hospital) -> None:
    await hospital.apply(row("1", "08:00"))
    await _held(hospital, row("1", "10:00"))
    await hospital.apply(row("2", "09:00"), now=NOW)
    assert len(await _waiting(db)) == 1
    await hospital.apply(row("3", "09:30", day=25), now=NOW + timedelta(days=2))
    assert await _waiting(db) == []
