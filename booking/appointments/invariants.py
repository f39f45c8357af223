"""What must always be true, asked of the database (invariants.sql)."""

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_FILE = Path(__file__).with_name("invariants.sql")
_NAMED = re.compile(r"-- name: (\w+)\n(.*?);", re.DOTALL)


@cache
def invariants() -> dict[str, str]:
    """Name → query whose rows break the rule."""
    return dict(_NAMED.findall(_FILE.read_text(encoding="utf-8")))


EVER = datetime(1, 1, 1, tzinfo=UTC)
"""Earlier than any slot."""


async def broken(
    session: AsyncSession, *, since: datetime = EVER, most: int = 10
) -> dict[str, list[dict[str, object]]]:
    """The rules that are broken, each with at most `most` of its rows; empty when all is well. Ids only, no people.

    Slots and visits that start before `since` are left out.
    """
    found = {}
    for name, query in invariants().items():
        asked = text(f"SELECT * FROM ({query}) AS broken LIMIT :most")
        rows = (await session.execute(asked, {"since": since, "most": most})).mappings()
        if listed := [dict(row) for row in rows]:
            found[name] = listed
    return found
