"""Live events: all are seen, each once, in an order that nobody changes afterwards, however transactions commit."""

import asyncio
import random  # noqa: TID251  repeatable by its seed
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import utc_now
from booking.db import Database
from booking.trail import live
from booking.trail.forgetting import EVENTS_KEPT, forget_events
from booking.trail.live import Event, Position, horizon, position_of, tell
from booking.web import live as web_live
from booking.web.live import MEMORY, Listener, Relay, StreamsFull
from tests import seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
TOPIC = "queue/1/2026-11-30/4"
Reader = Callable[[Database], Awaitable[list[int]]]


def _by_position() -> Reader:
    """The product's reader: numbers of the events it has not seen yet."""
    read = Position(0, 0)

    async def look(db: Database) -> list[int]:
        nonlocal read
        async with db.hot() as hot:
            found = await live.events_after(hot, read)
        read = found[-1].position if found else read
        return [event.facts["number"] for event in found]

    return look


def _by_id() -> Reader:
    """The control: whoever remembers the largest serial id."""
    read = 0

    async def look(db: Database) -> list[int]:
        nonlocal read
        found = await seeds.rows(db, "SELECT id, facts FROM live_event WHERE id > :read ORDER BY id", read=read)
        read = found[-1]["id"] if found else read
        return [row["facts"]["number"] for row in found]

    return look


async def _told(session: AsyncSession, number: int) -> None:
    tell(session, TOPIC, now=utc_now(), number=number)
    await session.flush()


async def _late_committer(db: Database, look: Reader) -> list[int]:
    """The first writer commits after the second; what the reader saw, having looked in between."""
    async with db.transaction() as first:
        await _told(first, 1)
        async with db.transaction() as second:
            await _told(second, 2)
        seen = await look(db)
    return seen + await look(db)


async def test_whoever_commits_late_is_seen_and_in_its_place(db: Database) -> None:
    assert await _late_committer(db, _by_position()) == [1, 2]


async def test_control_a_reader_that_remembers_a_serial_id_misses_one(db: Database) -> None:
    assert await _late_committer(db, _by_id()) == [2]


@pytest.mark.parametrize("seed", range(3))
async def test_commits_in_any_order_are_all_seen_once_in_one_order(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    look, seen = _by_position(), []
    writers: list[Any] = []
    left = list(range(20))
    while left or writers:
        if left and len(writers) < 5 and chance.random() < 0.6:
            entered = db.transaction()
            session = await entered.__aenter__()
            await _told(session, left.pop(0))
            if chance.random() < 0.2:
                await session.rollback()  # what it told never happened
            writers.append(entered)
        elif writers:
            await writers.pop(chance.randrange(len(writers))).__aexit__(None, None, None)
            seen += await look(db)
    kept = await seeds.rows(db, "SELECT facts FROM live_event ORDER BY xid, id")
    assert seen == [row["facts"]["number"] for row in kept]
    assert len(seen) >= 10


@pytest.fixture
async def relay(db: Database) -> AsyncIterator[Relay]:
    made = Relay(db, most=50, most_per_address=3, every=0.01)
    yield made
    await made.close()


async def _tell(db: Database, *numbers: int, topic: str = TOPIC) -> None:
    for number in numbers:
        async with db.transaction() as session:
            tell(session, topic, now=utc_now(), number=number)


async def _hear(listener: Listener, number: int) -> list[Event]:
    """The next so many events."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        while len(found) < number:
            heard = await listener.next(1)
            assert heard is not None, f"sent away after {len(found)}"
            found += heard
    return found


def _numbers(events: list[Event]) -> list[int]:
    return [event.facts["number"] for event in events]


async def test_everybody_hears_her_topic_and_those_below_it_and_no_other(db: Database, relay: Relay) -> None:
    async with (
        relay.listen(TOPIC, "a") as mine,
        relay.listen("queue/1", "b") as all_of_it,
        relay.listen("queue/1/2026-11-30/44", "c") as other,
    ):
        await _tell(db, 1)
        await _tell(db, 2, topic="queue/1/2026-11-30/44")
        await _tell(db, 3)
        assert _numbers(await _hear(mine, 2)) == [1, 3]
        assert _numbers(await _hear(all_of_it, 3)) == [1, 2, 3]
        assert _numbers(await _hear(other, 1)) == [2]


async def test_a_new_listener_hears_what_comes_and_one_who_returns_what_she_missed_once(
    db: Database, relay: Relay
) -> None:
    await _tell(db, 1)
    async with relay.listen(TOPIC, "a") as first:
        await _tell(db, 2, 3)
        heard = await _hear(first, 2)
    assert _numbers(heard) == [2, 3]
    await _tell(db, 4)  # nobody listens
    async with relay.listen(TOPIC, "a", since=heard[0].position) as again:
        await _tell(db, 5)
        assert _numbers(await _hear(again, 3)) == [3, 4, 5]
        assert await again.next(0.05) == []


async def test_returning_while_events_pour_in_leaves_none_out_and_doubles_none(db: Database, relay: Relay) -> None:
    async with relay.listen(TOPIC, "z") as always:
        writing = asyncio.create_task(_tell(db, *range(60)))
        heard: list[Event] = []
        since: Position | None = Position(0, 0)
        while len(heard) < 60:
            async with relay.listen(TOPIC, "a", since=since) as listener:  # comes back again and again
                heard += await listener.next(1) or []
            since = heard[-1].position if heard else since
        await writing
        assert _numbers(heard) == list(range(60))
        assert _numbers(await _hear(always, 60)) == list(range(60))


async def test_a_process_that_is_behind_repeats_nothing_to_one_who_is_ahead(db: Database, relay: Relay) -> None:
    async with relay.listen(TOPIC, "a"):
        async with relay._starting:  # this process's reader stands still
            await _tell(db, 1, 2)
            async with db.hot() as hot:
                ahead = await live.events_after(hot, Position(0, 0))
        async with relay.listen(TOPIC, "b", since=ahead[0].position) as listener:
            assert _numbers(await _hear(listener, 1)) == [2]


async def test_one_who_is_too_slow_is_sent_away_and_finds_the_rest_when_she_returns(db: Database, relay: Relay) -> None:
    listener = Listener(TOPIC, Position(0, 0), memory=3)
    for number in range(1, 6):
        listener.hear(Event(Position(1, number), TOPIC, {"number": number}))
    heard = await listener.next(1)
    assert heard is not None
    assert _numbers(heard) == [1, 2, 3]
    assert await listener.next(1) is None
    assert listener.heard == Position(1, 3)
    await _tell(db, *range(MEMORY + 10))
    async with relay.listen(TOPIC, "a", since=Position(0, 0)) as back:
        first = await _hear(back, MEMORY)
        assert await back.next(1) is None
    async with relay.listen(TOPIC, "a", since=first[-1].position) as again:
        assert _numbers(first + await _hear(again, 10)) == list(range(MEMORY + 10))


class Counting:
    """The database, and how many rows and statements were asked of it beside the relay's own looks."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.rows = self.statements = 0

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Any]:
        """A connection that counts what it reads."""
        async with self._db.hot() as hot:
            self._hot = hot
            yield self

    async def fetch(self, *asked: Any) -> Any:
        """Rows, counted."""
        found = await self._hot.fetch(*asked)
        self.rows, self.statements = self.rows + len(found), self.statements + 1
        return found


async def _walk(hot: Any, topic: str, since: Position, until: Position, *, most: int) -> list[Event]:
    """Every event since then, sorted out here: what one must not do for whoever names an old position."""
    found: list[Event] = []
    while more := await live.events_after(hot, since):
        found += [event for event in more if event.on(topic) and event.position <= until]
        since = more[-1].position
    return found[:most]


@pytest.mark.parametrize("bounded", [True, False])
async def test_a_position_far_back_costs_one_statement_and_only_what_concerns_her(
    db: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch, *, bounded: bool
) -> None:
    if not bounded:  # the control
        monkeypatch.setattr(web_live, "missed", _walk)
    await _tell(db, 1)
    await seeds.run(
        db,
        "INSERT INTO live_event (topic, facts, at) SELECT 'queue/10', '{}', now() FROM generate_series(1, 1200)",
    )
    await _tell(db, 2)
    async with relay.listen("queue/9", "a"):
        counting = Counting(db)
        async with relay._starting:  # the reader stands still, and she waits for nobody
            monkeypatch.setattr(relay, "_db", counting)
            async with asyncio.timeout(20), relay.listen("queue/1", "b", since=Position(0, 0)) as listener:
                monkeypatch.setattr(relay, "_db", db)
                assert _numbers(await _hear(listener, 2)) == [1, 2]
        assert (counting.rows, counting.statements) == ((2, 1) if bounded else (1202, 4))


async def test_so_many_may_listen_and_no_more(db: Database, relay: Relay) -> None:
    async with relay.listen(TOPIC, "10.0.0.1"), relay.listen(TOPIC, "10.0.0.1"), relay.listen(TOPIC, "10.0.0.1"):
        with pytest.raises(StreamsFull):
            async with relay.listen(TOPIC, "10.0.0.1"):
                pass
        async with relay.listen(TOPIC, "10.0.0.2"):
            assert relay.listening == 4
    async with relay.listen(TOPIC, "10.0.0.1"):
        assert relay.listening == 1
    small = Relay(db, most=1, most_per_address=3)
    async with small.listen(TOPIC, "a"):
        with pytest.raises(StreamsFull):
            async with small.listen(TOPIC, "b"):
                pass
    await small.close()


async def test_at_the_end_everybody_is_sent_away_and_nobody_may_come(relay: Relay) -> None:
    async with relay.listen(TOPIC, "a") as listener:
        relay.end()
        assert await listener.next(30) is None
    with pytest.raises(StreamsFull):
        async with relay.listen(TOPIC, "a"):
            pass


async def test_the_reader_lives_only_while_somebody_listens(db: Database, relay: Relay) -> None:
    async with relay.listen(TOPIC, "a"):
        assert relay._task is not None
    async with asyncio.timeout(20):
        await relay._task
    await _tell(db, 1)
    async with relay.listen(TOPIC, "a") as listener:
        await _tell(db, 2)
        assert _numbers(await _hear(listener, 1)) == [2]


async def test_a_database_that_was_away_costs_no_event(
    db: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.web.live.REST", 0.01)
    async with relay.listen(TOPIC, "a") as listener:
        looked = relay._look
        failures = 0

        async def away() -> None:
            nonlocal failures
            failures += 1
            if failures < 3:
                raise ConnectionError
            await looked()

        monkeypatch.setattr(relay, "_look", away)
        await _tell(db, 1)
        assert _numbers(await _hear(listener, 1)) == [1]
        assert failures >= 3


async def test_old_events_are_removed_and_young_ones_kept(db: Database) -> None:
    await _tell(db, 1, 2)
    now = utc_now()
    await seeds.run(db, "UPDATE live_event SET at = :old WHERE facts->>'number' = '1'", old=now - timedelta(days=3))
    async with db.transaction() as session:
        assert await forget_events(session, now=now) == 1
        assert await forget_events(session, now=now + EVENTS_KEPT + timedelta(minutes=1)) == 1


async def test_a_position_goes_there_and_back_and_what_is_none_is_none(db: Database) -> None:
    async with db.hot() as hot:
        now = await horizon(hot)
    assert position_of(str(now)) == now
    for strange in (None, "", "1", "1-", "-1", "1-2-3", "a-b", "9" * 30 + "-1", f"1-{2**63}", "١-٢"):
        assert position_of(strange) is None
