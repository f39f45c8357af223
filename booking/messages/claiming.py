"""Taking what is due in a lane: claimed under a lease, news of a change by the facility before everything else.

After hours without a carrier thousands wait in the order they were due, and the text that says "do not come today" was
written last. Whoever reads only that one is told the truth; who reads an old confirmation first is not (decision 70).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, text, update
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.columns import state_in
from booking.messages.kinds import NEWS, MessageState
from booking.messages.models import Message

_REFUSED_AGAIN: Final = 2
"""Posts after which another text is tried first."""

CLAIM_LOST: Final = "claim lost"
"""What the row of a claim says that nobody came to post."""
_COUNTED: Final = (col(Message.attempts) > col(Message.sends)) | (func.coalesce(col(Message.reason), "") == CLAIM_LOST)
"""Whether a text was counted before: it was refused since, or nobody came to post it."""

_KINDS: Final = ", ".join(f"'{kind.value}'" for kind in sorted(NEWS))
_IS_NEWS: Final = text(f"kind IN ({_KINDS})")
_IS_NO_NEWS: Final = text(f"kind NOT IN ({_KINDS})")
_ORDER: Final = (col(Message.due_at), col(Message.facts)["starts_at"].astext, col(Message.id))


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours until its lease runs out. No two claims of one message have the same lease.

    Attributes:
        id: of the row.
        lease_until: until when.
        phone_index: blind index of its number, for the number's cap.
        facility_id: for the facility's cap.
        counted: it was counted when it was claimed before, and never posted since.
        probe: it tries whether our refused configuration was repaired.
    """

    id: int
    lease_until: datetime
    phone_index: bytes | None = None
    facility_id: int | None = None
    counted: bool = False
    probe: bool = False


async def is_due(session: AsyncSession, lane: str, *, now: datetime) -> bool:
    """Whether there is anything to claim in a lane: one look at an index, which is all that a tick costs at rest."""
    return (await session.execute(due_query(lane, now=now))).first() is not None


def due_query(lane: str, *, now: datetime) -> Select[int | None]:
    """That look."""
    return select_columns(col(Message.id)).where(*_due(lane, now)).limit(1)


async def claim(
    session: AsyncSession,
    lane: str,
    *,
    most: int,
    now: datetime,
    lease: timedelta,
    probe: bool = False,
    only_news: bool = False,
) -> list[Claim]:
    """Claim what is due in a lane, at most so many: news first (`kinds.NEWS`), then what was due first, then by visit.

    Two senders never get the same row: one skips what the other has locked. A probe takes what was posted least often,
    up to twice: texts that are refused for good must not be all that is ever tried.
    """
    if probe:
        least = func.least(col(Message.attempts), _REFUSED_AGAIN)
        rows = await _taken(session, [*_due(lane, now)], (least, *_ORDER), most=most, now=now, lease=lease)
    else:
        rows = []
        for kinds in [_IS_NEWS] if only_news else [_IS_NEWS, _IS_NO_NEWS]:
            if left := most - len(rows):
                rows += await _taken(session, [*_due(lane, now), kinds], _ORDER, most=left, now=now, lease=lease)
    return [
        Claim(row[2], now + lease, phone_index=row[3], facility_id=row[4], counted=row[5], probe=probe) for row in rows
    ]


async def _taken(
    session: AsyncSession, which: list[Any], order: tuple[Any, ...], *, most: int, now: datetime, lease: timedelta
) -> list[Any]:
    """Rows that were due and are claimed now, in the order they were due."""
    found = select_columns(col(Message.id)).where(*which).order_by(*order).limit(most)
    picked = found.with_for_update(skip_locked=True).cte("picked")
    claimed = await session.execute(
        update(Message)
        .where(col(Message.id) == picked.c.id)
        .values(state=MessageState.CLAIMED, lease_until=now + lease, changed_at=now)
        .returning(*_ORDER, col(Message.phone_index), col(Message.facility_id), _COUNTED)
        .execution_options(synchronize_session=False)
    )
    return sorted(claimed.all(), key=_order)


def _due(lane: str, now: datetime) -> list[Any]:
    return [state_in([MessageState.DUE]), col(Message.lane) == lane, col(Message.due_at) <= now]


def _order(row: Any) -> tuple[datetime, str, int]:
    return row[0], row[1] or "", row[2]
