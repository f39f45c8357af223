"""The app with one guard taken away: what the negative controls are run against. Only tests/served.py uses these."""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from booking.appointments import refusals, service, statements
from booking.appointments.errors import SlotFull
from booking.appointments.waitlist import picking
from booking.appointments.waitlist import rules as waitlist_rules
from booking.availability.models import Slot
from booking.errors import BookingError
from booking.hot import Hot, Statement
from booking.mobile.slip import on_the_day
from booking.trail import live


def as_it_is(app: FastAPI) -> None:
    """The product."""


class _Rewritten(Statement):
    """A statement whose text was changed; the order of its values stays."""

    def __init__(self, original: Statement, *changes: tuple[str, str]) -> None:
        self._names = original._names
        self.sql = original.sql
        for old, new in changes:
            if old not in self.sql:
                raise AssertionError(f"the statement no longer says {old!r}: this control controls nothing")
            self.sql = self.sql.replace(old, new)


def unguarded(original: Statement, *more: tuple[str, str]) -> Statement:
    """The booking whose UPDATE does not ask whether a place is free."""
    free = "cardinality(slot.free_places) > "
    rest = original.sql.split(free, 1)[1]
    depth, end = 0, 0
    for end, sign in enumerate(rest):  # up to the end of that comparison: the next AND or RETURNING at our own depth
        depth += (sign == "(") - (sign == ")")
        if depth < 0 or (depth == 0 and rest[end : end + 5] in (" AND ", " RETU")):
            break
    return _Rewritten(original, (free + rest[:end], "true"), *more)


_PLACE_ONE = (("slot.free_places[1]", "1"), ("slot.free_places[2:]", "slot.free_places"))


def nets_only(app: FastAPI) -> None:  # noqa: ARG001
    """The places are handed out as ever, but the UPDATE does not ask whether one is free."""
    setattr(service, "BOOK_SLOT", unguarded(statements.BOOK_SLOT))  # noqa: B010  a name it imported, and does not export


def no_guard(app: FastAPI) -> None:  # noqa: ARG001
    """Nothing asks whether a place is free; place 1 is handed out for ever."""
    setattr(service, "BOOK_SLOT", unguarded(statements.BOOK_SLOT, *_PLACE_ONE))  # noqa: B010  a name it imported, and does not export


def read_then_write(app: FastAPI) -> None:  # noqa: ARG001
    """Look whether a place is free, think a moment, then take one: as it is often written."""
    taking, blind = service._take, unguarded(statements.BOOK_SLOT, *_PLACE_ONE)

    async def look_then_take(hot: Hot, statement: Statement, values: dict[str, Any], *rest: Any, **more: Any) -> Any:
        if await hot.fetchval("SELECT taken < capacity FROM slot WHERE id = $1", values["slot"]):
            await asyncio.sleep(0.05)
            return await taking(hot, blind, values, *rest, **more)
        return await taking(hot, statement, values, *rest, **more)

    service._take = look_then_take


def no_second_look(app: FastAPI) -> None:  # noqa: ARG001
    """Whoever finds that somebody else has just swept the slot goes away, without a second look at it."""
    sweep, why = service.release_expired, refusals.explain

    async def late_sweep(hot: Hot, slot_id: int) -> int:
        await asyncio.sleep(0.2)  # until everyone has found the slot full
        return await sweep(hot, slot_id)

    async def no_look(hot: Hot, slot_id: int, **more: Any) -> BookingError:
        return await why(hot, slot_id, **more) or SlotFull(nearest=[])

    service.release_expired = late_sweep
    refusals.explain = no_look


def in_pieces(app: FastAPI) -> None:
    """Each statement of a move or a cancel commits by itself."""
    database = app.state.db
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    database._sessions = async_sessionmaker(engine, expire_on_commit=False)


def daytime(app: FastAPI) -> None:  # noqa: ARG001
    """The product at an hour when people who wait may be told of a place."""
    setattr(waitlist_rules, "telling", lambda *_: True)  # noqa: B010


def unlocked_entries(app: FastAPI) -> None:
    """Whoever frees a place looks who is next and does not lock her entry."""
    daytime(app)

    async def look(
        session: AsyncSession, slot: Slot, *, now: datetime, without: Collection[int] = ()
    ) -> picking.Picked | None:
        row = (await session.execute(picking.next_one(slot, now=now, without=without))).first()
        await asyncio.sleep(0.05)
        return None if row is None else picking.Picked(*row)

    picking.first = look


def beating(app: FastAPI) -> None:  # noqa: ARG001
    """The product, with heartbeats ten times a second."""
    setattr(on_the_day, "BEAT", 0.1)  # noqa: B010  a name it imported, and does not export


def impatient(app: FastAPI) -> None:  # noqa: ARG001
    """Live events are read as they become visible, those of a transaction that began later first."""
    settled = "AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    if settled not in live._AFTER:
        raise AssertionError("the statement no longer waits: this control controls nothing")
    setattr(live, "_AFTER", live._AFTER.replace(settled, ""))  # noqa: B010  a constant of another module


def endless(app: FastAPI) -> None:
    """Likewise, and nobody ends the streams when the process is told to stop."""
    beating(app)
    app.state.relay.end = lambda: None


VARIANTS: dict[str, Callable[[FastAPI], None]] = {
    each.__name__: each
    for each in (
        as_it_is,
        nets_only,
        no_guard,
        read_then_write,
        no_second_look,
        in_pieces,
        daytime,
        unlocked_entries,
        beating,
        impatient,
        endless,
    )
}
