"""How the closures of slots are changed: under the slots' row locks, in two steps.

Under READ COMMITTED only a new statement sees what another transaction committed while we waited for its lock. So the
rows are locked first, in the order of ids, and whether closures are left is asked in a statement of its own.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, any_, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

import booking.availability.models  # noqa: F401  makes the tables known
from booking.columns import Moment

_slot = SQLModel.metadata.tables["slot"]
_closure = SQLModel.metadata.tables["slot_closure"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a change of closures did.

    Attributes:
        closed: ids of the slots that were open before and are closed now.
        opened: ids of the slots that were closed before and are open now.
        changes: closures written, given another reason, or removed.
    """

    closed: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()
    changes: int = 0


def _one_of_ids(column: ColumnElement[int]) -> ColumnElement[bool]:
    # One array parameter: an IN list is limited to 32,767 and compiled anew for each length.
    return column == any_(bindparam("ids", type_=ARRAY(BigInteger)))


_LOCK = select(_slot.c.id, _slot.c.taken).where(_one_of_ids(_slot.c.id)).order_by(_slot.c.id).with_for_update()

_NEW = (
    func.unnest(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("reasons", type_=ARRAY(Text)))
    .table_valued("slot_id", "reason")
    .render_derived(name="given")
)
_ADD = insert(_closure).from_select(
    ["slot_id", "source", "reason", "created_at"],
    select(_NEW.c.slot_id, bindparam("source", type_=Text), _NEW.c.reason, bindparam("now", type_=Moment)),
)
_PUT = _ADD.on_conflict_do_update(
    constraint="slot_closure_key",
    set_={"reason": _ADD.excluded.reason},
    where=_closure.c.reason != _ADD.excluded.reason,
).returning(_closure.c.slot_id)
_REMOVE = (
    delete(_closure)
    .where(_one_of_ids(_closure.c.slot_id), _closure.c.source == bindparam("source", type_=Text))
    .returning(_closure.c.slot_id)
)
_UNCLOSED = ~exists().where(_closure.c.slot_id == _slot.c.id)
_WEIGH = (
    update(_slot)
    .where(_one_of_ids(_slot.c.id), _slot.c.open != _UNCLOSED)
    .values(open=_UNCLOSED)
    .returning(_slot.c.id, _slot.c.open)
)


async def lock(session: AsyncSession, slot_ids: Iterable[int]) -> dict[int, int]:
    """Lock slots until the transaction ends, in the order of ids; how many places of each are taken.

    Whoever changes closures twice in one transaction (or of two sources) locks all the slots first, in one call:
    locks taken in two goes could wait for each other in a ring.

    Raises:
        LookupError: a slot does not exist. Slots are never deleted, so that is a programming error.
    """
    ids = sorted(set(slot_ids))
    taken = {row.id: row.taken for row in await session.execute(_LOCK, {"ids": ids})}
    if missing := [slot_id for slot_id in ids if slot_id not in taken]:
        raise LookupError(f"no such slots: {missing[:10]}")
    return taken


async def settle(
    session: AsyncSession, *, within: Collection[int], wanted: Mapping[str, Mapping[int, str]], now: datetime
) -> Settled:
    """Make each source of `wanted` close exactly the slots it names (id to reason) among those of `within`.

    Other sources' closures are left alone. The caller holds the locks of all slots in `within`. Reasons are codes or
    short facts, never personal data.
    """
    changes = 0
    for source, reasons in wanted.items():
        changes += await _settle_one(session, source, within=within, reasons=reasons, now=now)
    if not changes:
        return Settled()
    weighed = (await session.execute(_WEIGH, {"ids": sorted(within)})).all()
    return Settled(
        closed=tuple(sorted(row.id for row in weighed if not row.open)),
        opened=tuple(sorted(row.id for row in weighed if row.open)),
        changes=changes,
    )


async def _settle_one(
    session: AsyncSession, source: str, *, within: Collection[int], reasons: Mapping[int, str], now: datetime
) -> int:
    changes = 0
    if reasons:
        ids = sorted(reasons)
        values = {"ids": ids, "reasons": [reasons[slot_id] for slot_id in ids], "source": source, "now": now}
        changes += len((await session.execute(_PUT, values)).all())
    if free := sorted(set(within) - set(reasons)):
        changes += len((await session.execute(_REMOVE, {"ids": free, "source": source})).all())
    return changes
