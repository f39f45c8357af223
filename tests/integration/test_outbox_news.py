"""News that a facility changed a visit goes before what else waits, and past a breaker that a backlog has tripped."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import utc_now
from booking.db import Database
from booking.messages import claiming
from booking.messages.channel import rules
from booking.messages.kinds import NEWS, MessageKind
from booking.messages.models import NEWS_DUE, Message
from tests import seeds
from tests.carrier import Carrier
from tests.outbox import accepted, metered, mine, send, write
from tests.statements import seen_by

pytestmark = [pytest.mark.anyio]
HOUR = 3600.0


async def _after_an_outage(db: Database, waiting: int) -> tuple[list[Message], Message, Message]:
    """Confirmations that waited for hours, and two pieces of news that were written last."""
    old = [
        await write(db, phone=f"+8490123{each:04}", due_in=each - 5 * HOUR, starts_in=90_000 + each)
        for each in range(waiting)
    ]
    off = await write(db, kind=MessageKind.CANCELLED_BY_FACILITY, phone="+84901299999", due_in=-60, starts_in=80_000)
    asked = await write(db, kind=MessageKind.CHOOSE, phone="+84901299998", due_in=-30, starts_in=70_000)
    return old, off, asked


async def test_after_an_outage_news_goes_first_and_the_rest_in_its_order(db: Database) -> None:
    old, off, asked = await _after_an_outage(db, 5)
    with Carrier() as carrier:
        await send(metered(db, carrier.url))
        assert accepted(carrier) == mine([off, asked, *old])


async def test_control_without_news_first_it_goes_when_all_else_has_gone(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, off, asked = await _after_an_outage(db, 5)
    monkeypatch.setattr(claiming, "_IS_NEWS", text("false"))
    monkeypatch.setattr(claiming, "_IS_NO_NEWS", text("true"))
    with Carrier() as carrier:
        await send(metered(db, carrier.url))
        assert accepted(carrier) == mine([*old, off, asked])


async def test_news_goes_on_where_the_backlog_has_tripped_the_breaker_up_to_a_fourth_hour(db: Database) -> None:
    usual = 2
    with Carrier() as carrier:
        old = [await write(db, phone=f"+8490123{each:04}", due_in=each - HOUR) for each in range(8)]
        await send(metered(db, carrier.url, usual_hour=usual))
        assert accepted(carrier) == mine(old[:6])
        news = [
            await write(db, kind=MessageKind.MOVED_BY_FACILITY, phone=f"+8490124{each:04}", due_in=each - 60.0)
            for each in range(4)
        ]
        await send(metered(db, carrier.url, usual_hour=usual))
        assert accepted(carrier)[6:] == mine(news[:2])
        await send(metered(db, carrier.url, usual_hour=usual))
        assert len(accepted(carrier)) == rules.NEWS_TOO * usual


async def test_control_without_the_fourth_hour_news_waits_behind_the_breaker(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "NEWS_TOO", rules.BREAKER)
    with Carrier() as carrier:
        old = [await write(db, phone=f"+8490123{each:04}", due_in=each - HOUR) for each in range(8)]
        await send(metered(db, carrier.url, usual_hour=2))
        await write(db, kind=MessageKind.MOVED_BY_FACILITY, phone="+84901240000", due_in=-60)
        await send(metered(db, carrier.url, usual_hour=2))
        assert accepted(carrier) == mine(old[:6])


async def test_a_probe_takes_what_was_refused_least_news_or_not(db: Database) -> None:
    refused = await write(db, kind=MessageKind.CHOOSE, due_in=-HOUR, attempts=2, sends=2)
    never = await write(db, due_in=-60)
    async with db.transaction() as session:
        (claimed,) = await claiming.claim(
            session, "visit", most=1, now=utc_now(), lease=timedelta(seconds=60), probe=True
        )
    assert claimed.id == never.id != refused.id


LONG_LINE = """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, language, phone, phone_index,
        facts, state, due_at, useful_until, attempts, sends, created_at, changed_at)
    SELECT gen_random_uuid(), 'appointment', gen_random_uuid(), 'booked', 1, 0, 'visit', 'vi', ''::bytea, ''::bytea,
        '{}', 'due', now() - n * interval '1 second', now() + interval '1 day', 0, 0, now(), now()
    FROM generate_series(20000, 1, -1) n
"""


async def _blocks(session: AsyncSession) -> tuple[str, int]:
    """The plan of the search for news in a long line, and how many blocks it reads."""
    look = f"SELECT id FROM message WHERE {NEWS_DUE} AND lane = 'visit' AND due_at <= now()"
    order = "ORDER BY due_at, facts ->> 'starts_at', id LIMIT 8"
    (plan,) = await session.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {look} {order}".replace(":", "\\:")))
    top: dict[str, Any] = plan["Plan"]
    return str(plan), top["Shared Hit Blocks"] + top["Shared Read Blocks"]


async def test_news_is_found_without_reading_the_line(db: Database) -> None:
    await seeds.run(db, LONG_LINE)
    await write(db, kind=MessageKind.CONFLICT)
    await seeds.run(db, "ANALYZE message")
    with seen_by(db) as seen:
        async with db.transaction() as session:
            (first,) = await claiming.claim(session, "visit", most=1, now=utc_now(), lease=timedelta(seconds=60))
    assert first is not None
    (statement,) = seen  # the rest of the line is not even looked at
    assert all(f"'{kind.value}'" in statement for kind in NEWS)
    async with db.transaction() as session:
        plan, blocks = await _blocks(session)
        assert "message_news" in plan
        assert blocks < 20
        await session.execute(text("DROP INDEX message_news"))  # control: then thousands of rows are read for it
        assert (await _blocks(session))[1] > 100
        await session.rollback()
