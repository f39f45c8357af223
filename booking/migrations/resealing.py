"""Sealing every encrypted column anew under the current key, while the service runs.

Rows are taken in small batches, each a transaction of its own, and a row somebody works with is left for the next
round: so it may be stopped at any time and begun again. What is sealed meanwhile is sealed under the current key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, LargeBinary, Table, func, literal, select, text, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from booking.migrations.tables import METADATA
from booking.sealed import Keyring, Sealed

AT_ONCE: Final = 200
"""Rows of a batch: their locks are held for some milliseconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """One encrypted column."""

    table: Table
    column: Column[str]

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.table.name}.{self.column.name}"


def places() -> Iterator[Place]:
    """Every encrypted column there is."""
    for table in METADATA.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield Place(table, column)


async def by_key(session: AsyncSession, place: Place) -> dict[str, int]:
    """How many values of a column are sealed under which key: its id stands before the first zero byte."""
    value = f"{place.table.name}.{place.column.name}"
    key = rf"encode(substring({value} from 1 for position('\x00'::bytea in {value}) - 1), 'escape')"
    rows = await session.execute(
        text(f"SELECT {key} AS key, count(*) AS n FROM {place.table.name} WHERE {value} IS NOT NULL GROUP BY 1")
    )
    return {row.key: row.n for row in rows}


async def reseal(session: AsyncSession, place: Place, ring: Keyring, *, most: int = AT_ONCE) -> int:
    """Seal one batch of a column anew; how many there were. 0: nothing is left, or others hold all that is left.

    Raises:
        UnsealError: a value no key of ours opens; nothing of the batch was changed.
    """
    current = next(iter(ring.secrets)).encode() + b"\0"
    raw = type_coerce(place.column, LargeBinary)
    ids = list(place.table.primary_key.columns)
    query = (
        select(*ids, raw.label("sealed"))
        .where(place.column.is_not(None), func.substring(raw, 1, len(current)) != current)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.execute(query)).all()
    for row in rows:
        same = [column == value for column, value in zip(ids, row, strict=False)]
        again = ring.seal(ring.unseal(row.sealed))
        await session.execute(update(place.table).where(*same).values({place.column: literal(again, LargeBinary)}))
    return len(rows)
