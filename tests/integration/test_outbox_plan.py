"""A tick costs one look at an index when nothing is due, however many old messages there are."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox
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
    due = outbox.due_query("visit", now=utc_now())
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
