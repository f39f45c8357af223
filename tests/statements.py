"""What a process asks its database: the statements of sessions and of hot connections, in their order."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event

from booking.db import Database


class _Watched:
    def __init__(self, inner: Any, seen: list[str]) -> None:
        self._inner, self._seen = inner, seen

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._inner, name)
        if name not in ("fetch", "fetchrow", "fetchval", "execute"):
            return there

        async def run(sql: str, *values: object) -> Any:
            self._seen.append(sql)
            return await there(sql, *values)

        return run


@contextmanager
def seen_by(db: Database) -> Iterator[list[str]]:
    """Every statement sent while the block runs."""
    seen: list[str] = []
    hot = db.hot

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with hot() as connection:
            yield _Watched(connection, seen)

    def before(_c: Any, _cu: Any, sql: str, *_: Any) -> None:
        seen.append(sql)

    db.hot = watched  # type: ignore[method-assign]
    event.listen(db.engine.sync_engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", before)
        db.hot = hot  # type: ignore[method-assign]
