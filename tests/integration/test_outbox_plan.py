"""A tick costs one look at an index when nothing is due, however many old messages there are."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from booking.clock import utc_now
from booking.db import Database
from booking.messages import claiming, days
from booking.messages.models import Message
from tests import seeds
from tests.bench import old_messages
from tests.carrier import unused_port
from tests.outbox import send, sender
from tests.statements import seen_by

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
OLD = 20_000


async def _plan(db: Database, statement: str) -> tuple[str | None, int]:
    """The index a statement goes by, and how many blocks it read."""
    async with db.transaction() as session:
        found = await session.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"))
    (plan,) = found if isinstance(found, list) else json.loads(found)
    node = plan["Plan"]
    while "Plans" in node:
        (node,) = node["Plans"]
    return node.get("Index Name"), node["Shared Hit Blocks"] + node["Shared Read Blocks"]


def _look() -> str:
    """The product's own statement, with its values."""
    due = claiming.due_query("visit", now=utc_now())
    compiled = due.compile(dialect=postgresql.dialect(), compile_kwargs={"render_postcompile": True})  # type: ignore[no-untyped-call]
    sql = str(compiled)
    for name, value in compiled.params.items():
        sql = sql.replace(f"%({name})s", "now()" if name.startswith("due_at") else repr(value))
    return sql


async def test_at_rest_a_tick_is_one_statement_by_the_partial_index(db: Database, database_url: str) -> None:
    await old_messages.fill(database_url, OLD)
    with seen_by(db) as seen:
        assert await send(sender(db, f"http://127.0.0.1:{unused_port()}")) == 0
    (only,) = seen
    assert "FROM message" in only
    assert Message.__tablename__ == "message"
    index, blocks = await _plan(db, _look())
    assert index == "message_due"
    assert blocks <= 5


async def test_control_without_that_index_the_table_is_read(db: Database, database_url: str) -> None:
    await old_messages.fill(database_url, OLD)
    await seeds.run(db, "DROP INDEX message_due")
    index, blocks = await _plan(db, _look())
    assert index != "message_due"
    assert blocks > 100


SPREAD = """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, language, phone, phone_index,
        facts, state, due_at, useful_until, attempts, sends, created_at, posted_at, changed_at)
    SELECT gen_random_uuid(), 'appointment', gen_random_uuid(), 'booked', 1, 0, 'visit', 'vi', ''::bytea, ''::bytea,
        '{}', 'delivered', at, at, 1, 1, at, at, at
    FROM (SELECT now() - n * interval '30 minutes' AS at FROM generate_series(20000, 1, -1) n) AS year
"""


async def test_the_texts_of_a_day_are_found_without_reading_those_of_a_year(db: Database) -> None:
    await seeds.run(db, SPREAD)
    await seeds.run(db, "ANALYZE message")
    made = select(col(Message.id)).where(*days.within(utc_now() - timedelta(days=1), utc_now()))
    sql = str(made.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    async with db.transaction() as session:
        plan = "\n".join(await session.scalars(text("EXPLAIN " + sql.replace(":", "\\:"))))
    assert "Seq Scan" not in plan
    for index in ("message_created", "message_late"):
        assert index in plan
