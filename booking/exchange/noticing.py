"""Telling staff that there are clashes to answer: at most once in ten minutes per feed, however many files come.

The notice is written down with its moment; the pages of the desk show the clashes themselves at any time.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import system
from booking.exchange.kinds import ConflictState
from booking.exchange.models import Conflict, FeedHeard
from booking.trail.service import record

BETWEEN: Final = timedelta(minutes=10)


async def notice(session: AsyncSession, *, now: datetime) -> list[tuple[str, int]]:
    """Give notice of what was opened since the last notice; each feed with how many clashes are open."""
    fresh = (
        select(col(FeedHeard.feed))
        .join(Conflict, col(Conflict.feed) == col(FeedHeard.feed))
        .where(
            col(Conflict.state) == ConflictState.OPEN,
            or_(
                col(FeedHeard.noticed_at).is_(None),
                (col(Conflict.opened_at) > col(FeedHeard.noticed_at)) & (col(FeedHeard.noticed_at) <= now - BETWEEN),
            ),
        )
        .distinct()
    )
    due = sorted(await session.scalars(fresh))
    if not due:
        return []
    told = []
    # The rows are locked and read once more: of two schedulers at once the second finds the notice given.
    query = select(FeedHeard).where(col(FeedHeard.feed).in_(due)).order_by(col(FeedHeard.feed)).with_for_update()
    for row in (await session.scalars(query.execution_options(populate_existing=True))).all():
        if row.noticed_at is not None and row.noticed_at > now - BETWEEN:
            continue
        row.noticed_at = now
        wanted = (col(Conflict.feed) == row.feed, col(Conflict.state) == ConflictState.OPEN)
        number = await session.scalar(select(func.count()).select_from(Conflict).where(*wanted)) or 0
        record(session, "conflict.notice", "feed", row.feed, by=system("follow_orders"), now=now, conflicts=number)
        told.append((row.feed, number))
    return told
