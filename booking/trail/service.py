"""Writing the audit, and counting tries."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Integer, LargeBinary, Text, bindparam
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import SQLModel

from booking.actor import Actor
from booking.clock import ZONE
from booking.columns import Moment
from booking.hot import Hot, Statement
from booking.trail.models import AuditEvent

_EPOCH = datetime(2026, 1, 1, tzinfo=ZONE).astimezone(UTC)
"""A local midnight, so that a window of a day is a local day: the zone has no summer time."""


def record(
    session: AsyncSession,
    action: str,
    object_kind: str,
    object_id: object,
    *,
    by: Actor,
    now: datetime,
    result: str = "done",
    **facts: object,
) -> None:
    """Write an audit event in the caller's transaction. `facts` hold no personal data."""
    session.add(
        AuditEvent(
            at=now,
            actor_kind=by.kind,
            actor_id=by.id,
            address=by.address,
            request_id=by.request_id,
            action=action,
            object_kind=object_kind,
            object_id=str(object_id),
            result=result,
            facts=facts,
        )
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries of one subject in a window of `seconds`."""

    name: str
    most: int
    seconds: int

    def window(self, now: datetime) -> datetime:
        """The start of the window `now` falls into: windows are fixed, so that a count is one row."""
        return _EPOCH + timedelta(seconds=(now - _EPOCH).total_seconds() // self.seconds * self.seconds)

    def retry_after(self, now: datetime) -> int:
        """Seconds until the next window."""
        return max(1, int(self.seconds - (now - self.window(now)).total_seconds()))


_counter = SQLModel.metadata.tables["rate_counter"]


def _counting() -> ReturningInsert[int]:
    made = upsert(_counter).values(
        limit_name=bindparam("limit_name", type_=Text),
        subject=bindparam("subject", type_=LargeBinary),
        window_start=bindparam("window_start", type_=Moment),
        tries=bindparam("tries", type_=Integer),
    )
    counted = made.on_conflict_do_update(
        index_elements=["limit_name", "subject", "window_start"], set_={"tries": _counter.c.tries + made.excluded.tries}
    )
    return counted.returning(_counter.c.tries)


_COUNTING = _counting()
_COUNT = Statement(_COUNTING)


async def count(hot: Hot, limit: Limit, subject: bytes, tries: int, *, now: datetime) -> int:
    """Count tries of a subject; how many there were in this window, these included.

    The counter is shared by all processes. It lives in an unlogged table, so the commit waits for no disk.
    """
    values = {"limit_name": limit.name, "subject": subject, "window_start": limit.window(now), "tries": tries}
    counted: int = await hot.fetchval(_COUNT.sql, *_COUNT.arguments(values))
    return counted


async def count_within(session: AsyncSession, limit: Limit, subject: bytes, tries: int, *, now: datetime) -> int:
    """Likewise in the caller's transaction: what is rolled back was not tried. Others wait until it ends."""
    values = {"limit_name": limit.name, "subject": subject, "window_start": limit.window(now), "tries": tries}
    counted: int = (await session.execute(_COUNTING, values)).scalar_one()
    return counted
