"""Live events: written with what they tell of, read in an order that nobody can change afterwards.

A serial id is taken when a row is written and seen when its transaction commits, so a reader that remembers the last
id it saw misses whoever took a lower one and committed later. Here a reader takes only what transactions wrote that are
all over (xid below the lowest still running), in the order of (xid, id), and remembers that pair. The price: a long
transaction that writes holds back what others tell until it ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from booking.hot import Hot
from booking.trail.models import LiveEvent

BATCH: Final = 500
_WRITTEN = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
_LARGEST: Final = 2**63 - 1


class Position(NamedTuple):
    """A place in the order of all events: of the last one that was read."""

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was read."""

    position: Position
    topic: str
    facts: Mapping[str, Any]

    def on(self, topic: str) -> bool:
        """Whether it is on this topic or on one below it: `queue/4` has everything of `queue/4/2026-11-30`."""
        return self.topic == topic or self.topic.startswith(f"{topic}/")


def tell(session: AsyncSession, topic: str, *, now: datetime, **facts: object) -> None:
    """Write an event in the caller's transaction. `facts` hold no personal data."""
    session.add(LiveEvent(topic=topic, facts=facts, at=now))


def position_of(written: str | None) -> Position | None:
    """The position a reader sent back; None when it is none of ours."""
    found = _WRITTEN.fullmatch(written or "")
    if found is None or max(int(part) for part in found.groups()) > _LARGEST:
        return None
    return Position(int(found[1]), int(found[2]))


_HORIZON: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())"

# Both limits in one statement: its snapshot is the one whose running transactions are left out.
_AFTER: Final = """
SELECT xid, id, topic, facts::text AS facts FROM live_event
WHERE (xid, id) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, id LIMIT $3::integer
"""


# Everything up to the second position is complete: a reader has been there.
_MISSED: Final = """
SELECT xid, id, topic, facts::text AS facts FROM live_event
WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint)
AND (topic = $5 OR starts_with(topic, $5 || '/'))
ORDER BY xid, id LIMIT $6::integer
"""


async def horizon(hot: Hot) -> Position:
    """The position after everything that is complete now."""
    return Position(int(await hot.fetchval(_HORIZON)) - 1, _LARGEST)


async def events_after(hot: Hot, position: Position, *, most: int = BATCH) -> list[Event]:
    """What is complete after a position, in order, at most `most` at a time."""
    rows = await hot.fetch(_AFTER, position.xid, position.id, most)
    return [Event(Position(row["xid"], row["id"]), row["topic"], orjson.loads(row["facts"])) for row in rows]


async def missed(hot: Hot, topic: str, since: Position, until: Position, *, most: int) -> list[Event]:
    """The first events of one topic after a position and up to another, at most `most`; no others are sent here.

    `since` is what a browser says: however far back it is, one statement answers it with so many rows.
    """
    rows = await hot.fetch(_MISSED, since.xid, since.id, until.xid, until.id, topic, most)
    return [Event(Position(row["xid"], row["id"]), row["topic"], orjson.loads(row["facts"])) for row in rows]
