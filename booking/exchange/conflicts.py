"""Where a feed closes a slot in which a patient has a promise. An import only says so; people decide."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

import booking.exchange.models  # noqa: F401  makes the table known
from booking.exchange import queries
from booking.exchange.kinds import ClashKind, ConflictState
from booking.exchange.models import Conflict
from booking.exchange.recognising import OurClash

_conflict = SQLModel.metadata.tables["conflict"]
_NEW = insert(_conflict)
_PUT = _NEW.on_conflict_do_update(
    constraint="conflict_key",
    set_={
        "state": ConflictState.OPEN,
        "opened_at": _NEW.excluded.opened_at,
        "ended_at": None,
        "row_keys": _NEW.excluded.row_keys,
        "kind": _NEW.excluded.kind,
    },
    # What staff have answered stays answered.
    where=_conflict.c.state == ConflictState.GONE,
).returning(_conflict.c.id)


async def settle(
    session: AsyncSession,
    feed: str,
    facility_id: int,
    *,
    closed: Collection[int],
    ours: Mapping[int, OurClash],
    row_keys: Callable[[], Mapping[int, list[str]]],
    now: datetime,
) -> tuple[int, int]:
    """Open a conflict for each patient in a slot the feed closes, end those that are over; how many of each.

    `ours` are bookings that the hospital's software knows, and says something else of. `row_keys` tells the rows behind
    each closed slot; asked only when there is a new conflict to explain.
    """
    said = {(row_id, clash.slot_id): clash for row_id, clash in ours.items()}
    clashes = {*await queries.patients_in(session, closed, now=now), *said}
    query = select(Conflict).where(col(Conflict.feed) == feed, col(Conflict.state) == ConflictState.OPEN)
    standing = {(row.appointment_id, row.slot_id): row for row in await session.scalars(query)}
    over = [row for pair, row in standing.items() if pair not in clashes]
    for row in over:
        row.state, row.ended_at = ConflictState.GONE, now
    for pair, row in standing.items():
        kind = said[pair].kind if pair in said else ClashKind.TAKEN
        if pair in clashes and row.kind is not kind:
            row.kind = kind
    fresh = sorted(clashes - set(standing))
    if not fresh:
        return 0, len(over)
    because = row_keys()
    rows = [
        {
            "feed": feed,
            "facility_id": facility_id,
            "appointment_id": appointment_id,
            "slot_id": slot_id,
            "row_keys": _keys(said.get((appointment_id, slot_id)), because.get(slot_id, [])),
            "kind": said[appointment_id, slot_id].kind if (appointment_id, slot_id) in said else ClashKind.TAKEN,
            "state": ConflictState.OPEN,
            "opened_at": now,
        }
        for appointment_id, slot_id in fresh
    ]
    return len((await session.execute(_PUT, rows)).all()), len(over)


def _keys(ours: OurClash | None, others: list[str]) -> list[str]:
    """The rows behind a conflict: the booking's own first."""
    own = list(ours.row_keys) if ours is not None else []
    return [*own, *(key for key in others if key not in own)]
