"""Many desks and many arrivals at once: nobody is called twice, in the rule's order; no number is given out twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock as booking_clock
from booking import ids
from booking.db import Database
from booking.errors import BookingError
from booking.main import create_app
from booking.patients.kinds import PriorityClass
from booking.queue import lines
from booking.queue.models import Queue, QueueTicket
from booking.queue.queries import waiting_in
from booking.queue.rules import Policy, order
from booking.settings import load
from tests import queues, races, seeds
from tests.conftest import environment
from tests.postgres import Cluster
from tests.queues import Clock, Morning

pytestmark = pytest.mark.anyio
DESKS = 30


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@asynccontextmanager
async def _opened(url: str, clock: Clock) -> AsyncIterator[Morning]:
    db = Database(url, pool=DESKS)
    app = create_app(load(environment(url)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        yield await queues.make(db, client, clock)
    await app.state.db.close()
    await db.close()


async def _called_at_once(morning: Morning) -> list[str]:
    """All desks call next in one moment; the numbers they got, those who got none left out."""
    answers = await asyncio.gather(*(morning.call() for _ in range(DESKS)), return_exceptions=True)
    unexpected = [
        found for found in answers if isinstance(found, BaseException) and not isinstance(found, BookingError)
    ]
    assert not unexpected, unexpected
    return sorted(found.label for found in answers if not isinstance(found, BaseException))


async def _wait_in_line(morning: Morning, number: int) -> list[str]:
    return [(await morning.walk_in()).label for _ in range(number)]


async def test_desks_that_call_at_once_get_the_first_of_the_rule_each_another(database_url: str, clock: Clock) -> None:
    """Of fifty people every fourth has priority: the rule takes them two to one, whoever calls."""
    clock.set(0)
    async with _opened(database_url, clock) as morning:
        tickets = [await morning.walk_in() for _ in range(DESKS + 20)]
        for ticket in tickets[3::4]:
            await morning.verify(ticket, PriorityClass.OVER_75)
        async with morning.db.transaction() as session:
            waiting = await waiting_in(session, await session.scalar(select(Queue.id)) or 0)
        turns = order(waiting, now=clock.moment, policy=Policy(), streak=0)
        labels = {one.id: f"A{one.number:03d}" for one in waiting}
        ruled = [labels[turn.id] for turn in turns]
        assert ruled != sorted(ruled)
        assert await _called_at_once(morning) == sorted(ruled[:DESKS])
        assert await _called_at_once(morning) == sorted(ruled[DESKS:])
        calls = await seeds.rows(morning.db, "SELECT calls FROM queue_ticket")
        assert {row["calls"] for row in calls} == {1}


async def test_control_without_the_lines_lock_two_desks_call_one_person(
    cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(0)
    barrier = asyncio.Barrier(DESKS)

    async def only_seen(session: AsyncSession, *wanted: int) -> dict[int, Queue]:
        found = await session.scalars(select(Queue).where(col(Queue.id).in_(wanted)))
        await barrier.wait()
        return {line.id: line for line in found if line.id is not None}

    async with races.loose_database(cluster) as (url, _), _opened(url, clock) as morning:
        labels = await _wait_in_line(morning, DESKS + 8)
        monkeypatch.setattr(lines, "locked", only_seen)
        called = await _called_at_once(morning)
        assert called != labels[:DESKS]
        assert len(set(called)) < DESKS


async def test_numbers_are_given_out_once_and_none_is_left_out(database_url: str, clock: Clock) -> None:
    clock.set(0)
    async with _opened(database_url, clock) as morning:
        visits = [await morning.booked(number % 4, number + 1) for number in range(8)]
        made = await asyncio.gather(
            *(morning.check_in(visit) for visit in visits), *(morning.walk_in() for _ in range(16))
        )
        assert sorted(ticket.label for ticket in made) == [f"A{number:03d}" for number in range(1, 25)]
        assert await seeds.value(morning.db, "SELECT count(*) FROM queue") == 1


async def test_control_a_number_counted_from_the_tickets_is_given_out_twice(
    cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counter's row is the guard: where numbers are counted instead, two arrivals take the same one."""
    clock.set(0)
    barrier = asyncio.Barrier(DESKS)

    async def counted(session: AsyncSession, line: Queue, series: str | None = None) -> int:  # noqa: ARG001
        found = await session.scalar(select(func.count()).select_from(QueueTicket))
        await barrier.wait()
        return (found or 0) + 1

    net = "ALTER TABLE queue_ticket DROP CONSTRAINT queue_ticket_number_key"
    async with races.loose_database(cluster, net) as (url, _), _opened(url, clock) as morning:
        await morning.walk_in()
        monkeypatch.setattr(lines, "next_number", counted)
        made = await asyncio.gather(*(morning.walk_in() for _ in range(DESKS)))
        assert len({ticket.label for ticket in made}) < DESKS


async def test_one_patient_scanned_at_all_desks_gets_one_ticket(database_url: str, clock: Clock) -> None:
    clock.set(0)
    async with _opened(database_url, clock) as morning:
        visit = await morning.booked(0, 1)
        made = await asyncio.gather(*(morning.check_in(visit) for _ in range(DESKS)))
        assert {ticket.label for ticket in made} == {"A001"}
        assert await seeds.value(morning.db, "SELECT last FROM queue_counter") == 1
        minted = ids.public_id()
        twice = await asyncio.gather(*(morning.walk_in(minted) for _ in range(DESKS)), return_exceptions=True)
        labels = {found.label for found in twice if not isinstance(found, BaseException)}
        assert len(labels) == 1, twice
        assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 2


async def test_arrivals_calls_and_ends_at_once_end_in_a_true_state(database_url: str, clock: Clock) -> None:
    """Every verb beside every other: no deadlock, nobody lost, nobody twice."""
    clock.set(0)
    async with _opened(database_url, clock) as morning:
        visits = [await morning.booked(number % 4, number + 1) for number in range(12)]

        async def serve(index: int) -> int:
            served = 0
            for _ in range(8):
                try:
                    called = await morning.call(f"P{index % 2 + 1}")
                    if index == 0 and not served:  # nobody came at first
                        await morning.step("skip", called)
                        await morning.step("put_back", called)
                    await morning.step("finish", called)
                    served += 1
                except BookingError:
                    await asyncio.sleep(0)
            return served

        await asyncio.gather(*(morning.check_in(visit) for visit in visits), *(serve(index) for index in range(4)))
        while await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket WHERE state = 'waiting'"):
            await morning.step("finish", await morning.call())
        states = await seeds.rows(morning.db, "SELECT state::text, count(*) AS n FROM queue_ticket GROUP BY 1")
        assert states == [{"state": "done", "n": 12}]
        ended = await seeds.rows(morning.db, "SELECT DISTINCT state::text FROM appointment")
        assert ended == [{"state": "fulfilled"}]
