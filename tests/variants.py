"""The app with one guard taken away: what the negative controls are run against. Only tests/served.py uses these."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import async_sessionmaker

from booking.appointments import service
from booking.hot import Hot, Statement


def as_it_is(app: FastAPI) -> None:
    """The product."""


class _Rewritten(Statement):
    """A statement whose text was changed; the order of its values stays."""

    def __init__(self, original: Statement, *changes: tuple[str, str]) -> None:
        self._names = original._names  # type: ignore[has-type]
        self.sql = original.sql
        for old, new in changes:
            if old not in self.sql:
                raise AssertionError(f"the statement no longer says {old!r}: this control controls nothing")
            self.sql = self.sql.replace(old, new)


def unguarded(original: Statement) -> Statement:
    """The booking whose UPDATE does not ask whether a place is free, and hands out place 1 for ever."""
    free = "cardinality(slot.free_places) > "
    rest = original.sql.split(free, 1)[1]
    depth, end = 0, 0
    for end, sign in enumerate(rest):  # up to the end of that comparison: the next AND or RETURNING at our own depth
        depth += (sign == "(") - (sign == ")")
        if depth < 0 or (depth == 0 and rest[end : end + 5] in (" AND ", " RETU")):
            break
    return _Rewritten(
        original,
        (free + rest[:end], "true"),
        ("slot.free_places[1]", "1"),
        ("slot.free_places[2:]", "slot.free_places"),
    )


def no_guard(app: FastAPI) -> None:  # noqa: ARG001
    """Nothing asks whether a place is free."""
    service.BOOK_SLOT = unguarded(service.BOOK_SLOT)


def read_then_write(app: FastAPI) -> None:  # noqa: ARG001
    """Look whether a place is free, think a moment, then take one: as it is often written."""
    taking, blind = service._take, unguarded(service.BOOK_SLOT)

    async def look_then_take(hot: Hot, statement: Statement, values: dict[str, Any], *rest: Any, **more: Any) -> Any:
        if await hot.fetchval("SELECT taken < capacity FROM slot WHERE id = $1", values["slot"]):
            await asyncio.sleep(0.05)
            return await taking(hot, blind, values, *rest, **more)
        return await taking(hot, statement, values, *rest, **more)

    service._take = look_then_take


def in_pieces(app: FastAPI) -> None:
    """Each statement of a move or a cancel commits by itself."""
    database = app.state.db
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    database._sessions = async_sessionmaker(engine, expire_on_commit=False)


VARIANTS: dict[str, Callable[[FastAPI], None]] = {
    each.__name__: each for each in (as_it_is, no_guard, read_then_write, in_pieces)
}
