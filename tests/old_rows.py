"""Rows of any table with what a test cares about and something for the rest: for tests of what is kept how long."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from booking.columns import Choice
from booking.ids import public_id
from booking.migrations import tables
from booking.sealed import Sealed

SOME_DAY = date(2026, 1, 5)
SOME_TIME = datetime(2026, 1, 5, 2, tzinfo=UTC)

_count = iter(range(1, 1_000_000))


def _something(kind: Any) -> Any:
    plain: list[tuple[type, Any]] = [
        (Sealed, "x"), (Boolean, False), (SmallInteger, 1), (Integer, 1), (Date, SOME_DAY), (DateTime, SOME_TIME),
        (JSONB, {}),
    ]  # fmt: skip
    for one, value in plain:
        if isinstance(kind, one):
            return value
    if isinstance(kind, Choice):
        return next(iter(kind.kind))
    if isinstance(kind, Uuid):
        return public_id()
    if isinstance(kind, LargeBinary):
        return f"x{next(_count)}".encode()
    if isinstance(kind, Text):
        return f"x{next(_count)}"
    return [] if isinstance(kind, ARRAY) else 1


async def put(session: AsyncSession, name: str, /, **values: Any) -> Any:
    """Insert one row of a table; its first key."""
    assert tables.METADATA is SQLModel.metadata
    table: Table = SQLModel.metadata.tables[name]
    given = {
        column.name: _something(column.type)
        for column in table.columns
        if not column.nullable and column.server_default is None and column.identity is None and not column.computed
    }
    made = insert(table).values(**given | values).returning(next(iter(table.primary_key.columns)))
    return (await session.execute(made)).scalar_one()
