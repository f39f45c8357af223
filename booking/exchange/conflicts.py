"""Where a feed closes a slot in which a patient has a promise. An import only says so; people decide."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

import booking.exchange.models  # noqa: F401  makes the table known
from booking.exchange import queries
from booking.exchange.kinds import ClashKind, ConflictAnswer, ConflictState
from booking.exchange.models import Conflict
from booking.exchange.recognising import OurClash
from booking.exchange.standing import BESIDE

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
        "answer": None,
        "answered_by": None,
        "told_at": None,
    },
    # What staff have answered stays answered, for as long as it is what they answered.
    where=_conflict.c.state == ConflictState.GONE,
).returning(_conflict.c.id)

Pair = tuple[int, int]
"""A visit and the slot it is in."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a feed says against a visit, and in which rows: the booking's own first."""

    kind: ClashKind
    row_keys: list[str]


async def settle(
    session: AsyncSession,
    feed: str,
    facility_id: int,
    *,
    closed: Collection[int],
    ours: Mapping[int, OurClash],
    row_keys: Callable[[Collection[int]], Mapping[int, list[str]]],
    now: datetime,
) -> tuple[int, int]:
    """Open a conflict for each patient in a slot the feed closes, end those that are over; how many of each.

    An answer of staff holds for what they answered: where the two part it is over too, and where another row takes
    the time, or the hospital says something else of the visit, it is asked anew.

    `ours` are bookings that the hospital's software knows, and says something else of. `row_keys` tells the rows behind
    each of some closed slots.
    """
    clashes = await _clashes(session, closed, ours, row_keys, now=now)
    known = (ConflictState.OPEN, ConflictState.SETTLED)
    query = select(Conflict).where(col(Conflict.feed) == feed, col(Conflict.state).in_(known))
    standing = {(row.appointment_id, row.slot_id): row for row in await session.scalars(query)}
    # Who was asked to choose stays on the list until she has, though nobody takes her time any more.
    asked = {pair for pair, row in standing.items() if pair not in clashes and row.answer is ConflictAnswer.ASKED}
    there = asked.intersection(await queries.patients_in(session, {slot for _, slot in asked}, now=now))
    ended = opened = 0
    for pair, row in standing.items():
        if pair in clashes:
            opened += _follow(row, clashes[pair], now=now)
        elif pair not in there:
            ended += row.state is ConflictState.OPEN
            row.state, row.ended_at = ConflictState.GONE, now
    fresh = sorted(clashes.keys() - standing.keys())
    if not fresh:
        return opened, ended
    rows = [
        {
            "feed": feed,
            "facility_id": facility_id,
            "appointment_id": appointment_id,
            "slot_id": slot_id,
            "row_keys": clashes[appointment_id, slot_id].row_keys,
            "kind": clashes[appointment_id, slot_id].kind,
            "state": ConflictState.OPEN,
            "opened_at": now,
        }
        for appointment_id, slot_id in fresh
    ]
    return opened + len((await session.execute(_PUT, rows)).all()), ended


async def _clashes(
    session: AsyncSession,
    closed: Collection[int],
    ours: Mapping[int, OurClash],
    row_keys: Callable[[Collection[int]], Mapping[int, list[str]]],
    *,
    now: datetime,
) -> dict[Pair, _Said]:
    taken = set(await queries.patients_in(session, closed, now=now))
    said = {(row_id, clash.slot_id): clash for row_id, clash in ours.items()}
    pairs = taken | said.keys()
    # Beside the loop: it looks at every row that is kept.
    because = await asyncio.to_thread(row_keys, {slot for _, slot in pairs}) if pairs else {}
    return {pair: _what(said.get(pair), because.get(pair[1], []), taken=pair in taken) for pair in pairs}


def _what(ours: OurClash | None, others: list[str], *, taken: bool) -> _Said:
    own = list(ours.row_keys) if ours is not None else []
    keys = [*own, *(key for key in others if key not in own)]
    # Called off or missing there, and given away since: the second is what matters.
    if ours is None or (taken and ours.kind is not ClashKind.MOVED):
        return _Said(ClashKind.TAKEN, keys)
    return _Said(ours.kind, keys)


def _follow(row: Conflict, said: _Said, *, now: datetime) -> bool:
    """Bring a clash up to what is said now; whether that asks staff anew."""
    if row.state is ConflictState.OPEN:
        if (row.kind, row.row_keys) != (said.kind, said.row_keys):
            row.kind, row.row_keys = said.kind, said.row_keys
        return False
    if _still_answered(row, said):
        return False
    row.state, row.opened_at, row.ended_at = ConflictState.OPEN, now, None
    row.kind, row.row_keys = said.kind, said.row_keys
    row.answer = row.answered_by = row.told_at = None
    return True


def _still_answered(row: Conflict, said: _Said) -> bool:
    if row.answer is ConflictAnswer.ASKED:
        return True  # she is to choose another time, whoever takes this one
    if row.answer not in (None, ConflictAnswer.KEPT):
        return False  # she was moved away, or off, and is there once more
    return row.kind is said.kind and _theirs(said.row_keys) <= _theirs(row.row_keys)


def _theirs(keys: list[str]) -> set[str]:
    """The hospital's own keys: a row that moved may stand twice for a while, the second time beside its key."""
    return {key.split(BESIDE, 1)[0] for key in keys}
