"""The night's removals read what they remove and no more, however many texts there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from booking.clock import utc_now
from booking.db import Database
from booking.retention.table import TABLE, Sweep
from booking.retention.texts import TEXTS_KEPT
from tests import seeds

pytestmark = [pytest.mark.anyio]

_LARGE = ("message", "message_receipt", "reminder_family")
_MOST = 50
_FILLED = """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, language, phone, phone_index,
        facts, state, due_at, useful_until, attempts, sends, created_at, posted_at, changed_at)
    SELECT gen_random_uuid(), 'appointment', gen_random_uuid(), 'booked', 1, 0, 'visit', 'vi', ''::bytea,
        CASE WHEN emptied THEN NULL ELSE ''::bytea END, CASE WHEN emptied THEN '{}' ELSE '{"code": "X"}' END::jsonb,
        'delivered', at, at, 1, 1, at, at, at
    FROM (SELECT at, at < now() - interval '181 days' AS emptied
          FROM (SELECT now() - n * interval '53 minutes' AS at FROM generate_series(20000, 1, -1) n) AS each) AS years
"""
"""Two years of texts, removed and emptied until yesterday."""
_ABOUT = (
    ("INSERT INTO message_receipt (message_id, provider_sid, status, received_at)"
     " SELECT id, 'SM' || id, 'delivered', created_at FROM message"),
    ("INSERT INTO reminder_family (message_id, family, useful_until)"
     " SELECT id, 'f'::bytea, useful_until FROM message WHERE useful_until > now() - interval '33 days'"),
    ("INSERT INTO reminder_family (message_id, family, useful_until)"
     " SELECT id, 'f'::bytea, now() FROM message ON CONFLICT DO NOTHING"),
    "ANALYZE message, message_receipt, reminder_family",
)  # fmt: skip


async def _years(db: Database) -> None:
    for statement in (_FILLED, *_ABOUT):
        await seeds.run(db, statement)


def _of_texts() -> dict[str, Sweep]:
    mine = {each.name: each.sweep for each in TABLE if set(each.tables) & set(_LARGE) and each.sweep is not None}
    assert set(mine) == {"texts' contents", "texts", "families"}
    return mine


@contextmanager
def _asked(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement sent while the block runs, with its values."""
    seen: list[tuple[str, Any]] = []

    def before(_c: Any, _cu: Any, sql: str, values: Any, *_: Any) -> None:
        seen.append((sql, values))

    event.listen(db.engine.sync_engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", before)


async def _plans(db: Database, sweep: Sweep, *, now: datetime) -> tuple[int, str]:
    """How many rows a batch took, and the plans of its statements as they were on the table before."""
    async with db.transaction() as session:
        with _asked(db) as seen:
            gone = await sweep(session, now=now, most=_MOST)
        await session.rollback()
        connection = await session.connection()
        lines: list[str] = []
        for sql, values in seen:
            lines += (await connection.exec_driver_sql(f"EXPLAIN {sql}", values)).scalars()
    return gone, "\n".join(lines)


def _read_whole(plan: str) -> list[str]:
    return [table for table in _LARGE if f"Seq Scan on {table}" in plan]


@pytest.mark.parametrize("name", sorted(_of_texts()))
async def test_a_batch_of_the_night_reads_no_table_of_texts_whole(db: Database, name: str) -> None:
    await _years(db)
    gone, plan = await _plans(db, _of_texts()[name], now=utc_now())
    assert 0 < gone <= _MOST
    assert _read_whole(plan) == []
    gone, plan = await _plans(db, _of_texts()[name], now=utc_now() - timedelta(days=9))
    assert gone == 0, "nothing is that old: what a night ends with"
    assert _read_whole(plan) == []


async def test_control_without_its_index_the_table_is_read(db: Database) -> None:
    await _years(db)
    await seeds.run(db, "DROP INDEX message_contents")
    _, plan = await _plans(db, _of_texts()["texts' contents"], now=utc_now())
    assert _read_whole(plan) == ["message"]


async def test_the_oldest_go_first_and_one_somebody_needs_still_keeps_no_other(db: Database) -> None:
    await _years(db)
    now, sweeps = utc_now() + timedelta(days=7), _of_texts()
    await seeds.run(db, "UPDATE message SET state = 'unknown' WHERE id = (SELECT min(id) FROM message)")
    async with db.transaction() as session:
        assert await sweeps["texts"](session, now=now, most=_MOST) == _MOST - 1
        assert await sweeps["texts' contents"](session, now=now, most=_MOST) == _MOST
    in_order = (
        "SELECT (SELECT max(id) FROM message WHERE facts = '{}') < (SELECT min(id) FROM message WHERE facts <> '{}')"
    )
    assert await seeds.value(db, in_order), "the oldest went first"
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE created_at < :at", at=now - TEXTS_KEPT) > 1
