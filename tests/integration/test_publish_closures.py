"""Several sources close and open the same slots; none loses another's word."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import system
from booking.availability import closing, service
from booking.availability.closing import Settled
from booking.availability.commands import PublishSlots
from booking.availability.models import Slot
from booking.db import Database
from booking.trail.models import AuditEvent
from tests.timetables import BEFORE, closures, place, slots, weekly

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
BY = system("test")
LATER = BEFORE + timedelta(hours=1)


@pytest.fixture
async def ids(db: Database) -> list[int]:
    """The ids of four published slots."""
    async with db.transaction() as session:
        await weekly(session, await place(session))
    async with db.transaction() as session:
        await service.publish(session, PublishSlots(horizon_days=1), by=BY, now=BEFORE)
    async with db.transaction() as session:
        return sorted(each.id for each in await slots(session) if each.id)


async def close(db: Database, slot_ids: list[int], source: str, reason: str = "busy") -> Settled:
    async with db.transaction() as session:
        wanted = dict.fromkeys(slot_ids, reason)
        return await service.settle_closures(session, source, within=slot_ids, wanted=wanted, by=BY, now=LATER)


async def reopen(db: Database, slot_ids: list[int], source: str) -> Settled:
    async with db.transaction() as session:
        return await service.settle_closures(session, source, within=slot_ids, wanted={}, by=BY, now=LATER)


async def open_ids(db: Database) -> set[int]:
    async with db.transaction() as session:
        return {each.id for each in await slots(session) if each.open and each.id}


async def test_a_slot_is_open_when_no_source_closes_it(db: Database, ids: list[int]) -> None:
    one, two = ids[0], ids[1]
    assert await close(db, [two, one], "feed:a") == Settled(closed=(one, two), changes=2)
    assert await close(db, [one], "staff") == Settled(changes=1)
    assert await reopen(db, [one, two], "feed:a") == Settled(opened=(two,), changes=2)
    assert await open_ids(db) == set(ids) - {one}
    assert await reopen(db, [one], "staff") == Settled(opened=(one,), changes=1)
    assert await open_ids(db) == set(ids)


async def test_the_same_again_changes_nothing_and_is_not_audited(db: Database, ids: list[int]) -> None:
    await close(db, ids, "feed:a")
    assert await close(db, ids, "feed:a") == Settled()
    assert await reopen(db, ids, "feed:b") == Settled()
    assert await close(db, [], "feed:a") == Settled()
    async with db.transaction() as session:
        query = select(AuditEvent).where(col(AuditEvent.action) == "slots.settle")
        [event] = (await session.scalars(query)).all()
        assert (event.object_kind, event.object_id, event.at) == ("closures", "feed:a", LATER)
        assert event.facts == {"changes": 4, "closed": 4, "opened": 0}


async def test_another_reason_of_the_same_source_takes_the_place_of_the_first(db: Database, ids: list[int]) -> None:
    await close(db, ids[:1], "feed:a", "away")
    assert await close(db, ids[:1], "feed:a", "busy") == Settled(changes=1)
    async with db.transaction() as session:
        assert await closures(session) == {(ids[0], "feed:a", "busy")}


async def test_closing_and_opening_in_one_go(db: Database, ids: list[int]) -> None:
    await close(db, ids[:2], "feed:a")
    async with db.transaction() as session:
        done = await service.settle_closures(
            session, "feed:a", within=ids, wanted={ids[1]: "busy", ids[2]: "busy"}, by=BY, now=LATER
        )
    assert done == Settled(closed=(ids[2],), opened=(ids[0],), changes=2)
    assert await open_ids(db) == {ids[0], ids[3]}


async def test_a_slot_that_does_not_exist_is_refused_and_nothing_is_closed(db: Database, ids: list[int]) -> None:
    with pytest.raises(LookupError, match="no such slots"):
        await close(db, [ids[0], 999_999], "feed:a")
    assert await open_ids(db) == set(ids)


async def one_opens_while_another_closes(db: Database, slot_id: int) -> bool:
    """Source a lets go of a slot while source b, not yet committed, closes it; whether the slot is open at the end."""
    await close(db, [slot_id], "a")
    closed, go = asyncio.Event(), asyncio.Event()

    async def b_closes() -> None:
        async with db.transaction() as session:
            wanted = {slot_id: "busy"}
            await service.settle_closures(session, "b", within=[slot_id], wanted=wanted, by=BY, now=LATER)
            closed.set()
            await go.wait()

    async def a_opens() -> None:
        await closed.wait()
        await reopen(db, [slot_id], "a")

    async def let_go() -> None:
        await closed.wait()
        while not await waiting_or_done(db, opening):  # noqa: ASYNC110  the server gives no event to wait for
            await asyncio.sleep(0.01)
        go.set()

    opening = asyncio.create_task(a_opens())
    await asyncio.gather(b_closes(), opening, let_go())
    return slot_id in await open_ids(db)


async def waiting_or_done(db: Database, task: asyncio.Task[None]) -> bool:
    """Whether the task waits for a row lock, or needs none."""
    async with db.transaction() as session:
        waits = await session.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
    return bool(waits) or task.done()


async def test_two_sources_at_once_do_not_lose_a_closure(db: Database, ids: list[int]) -> None:
    assert not await one_opens_while_another_closes(db, ids[0])


async def test_without_the_row_lock_the_closure_is_lost(
    db: Database, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the slot ends open although source b closes it."""
    monkeypatch.setattr(closing, "_LOCK", closing._LOCK.with_for_update(read=True, key_share=True))
    assert await one_opens_while_another_closes(db, ids[0])
    async with db.transaction() as session:
        assert {source for _, source, _ in await closures(session)} == {"b"}
    await reopen(db, ids[:1], "b")  # put right what the missing guard broke: every database is checked at the end


async def side_by_side(*work: Coroutine[Any, Any, Settled]) -> None:
    """Run all to their end, then raise what the first of them raised."""
    for done in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done


async def both_name_all(db: Database, ids: list[int]) -> None:
    """Two sources close the same slots, named in opposite orders."""
    await side_by_side(close(db, ids, "a"), close(db, ids[::-1], "b"))
    await side_by_side(reopen(db, ids[::-1], "a"), reopen(db, ids, "b"))


async def test_two_sources_never_wait_for_each_other_in_a_ring(db: Database, ids: list[int]) -> None:
    for _ in range(10):
        await both_name_all(db, ids)
    assert await open_ids(db) == set(ids)


async def test_locks_taken_as_they_are_named_wait_in_a_ring(
    db: Database, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the server has to break the ring."""
    met = asyncio.Barrier(2)
    orders = [ids, ids[::-1]]

    async def as_named(session: AsyncSession, slot_ids: Iterable[int]) -> None:  # noqa: ARG001  a set: no order
        for number, slot_id in enumerate(orders.pop()):
            await session.execute(closing._LOCK, {"ids": [slot_id]})
            if number == 0:
                await met.wait()

    monkeypatch.setattr(closing, "lock", as_named)
    with pytest.raises(DBAPIError, match="deadlock"):
        await both_name_all(db, ids)


async def test_many_sources_at_once_leave_open_what_nobody_closes(db: Database, ids: list[int]) -> None:
    async def one(number: int) -> None:
        source = f"source-{number}"
        await close(db, ids, source)
        await reopen(db, ids if number else ids[1:], source)

    await asyncio.gather(*(one(number) for number in range(8)))
    assert await open_ids(db) == set(ids[1:])
    async with db.transaction() as session:
        assert await closures(session) == {(ids[0], "source-0", "busy")}
        open_column = (await session.scalars(select(col(Slot.open)).where(col(Slot.id) == ids[0]))).one()
        assert open_column is False
