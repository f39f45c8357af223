"""A feed that is over: its hospital uses other software now, or hands its calendar in under another feed.

Taking its file out of the folder is not enough to say so: that may be a mistake, and then somebody must hear that its
data grows old. Said so, it is waited for no more; a file of it that comes later begins anew.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.exchange.fetch_models import FeedFetch
from booking.exchange.models import FeedHeard, FeedRow
from booking.exchange.shown.models import FeedListed
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of it.

    Attributes:
        listed_in: the file of the folder of feeds in which it still stands: then nothing was done.
        known: whether anybody waited for it.
        taking: how many of its rows take a time that is still to come: these stay closed.
    """

    listed_in: str | None = None
    known: bool = False
    taking: int = 0


async def end(session: AsyncSession, feed: str, *, by: Actor, now: datetime) -> Ended:
    """Wait for a feed no more: nobody is told any longer that its data is old, or that a file of it waits."""
    listed: str | None = await session.scalar(select(col(FeedListed.file_name)).where(col(FeedListed.feed) == feed))
    if listed is not None:
        return Ended(listed_in=listed)
    heard = await session.execute(delete(FeedHeard).where(col(FeedHeard.feed) == feed).returning(col(FeedHeard.feed)))
    fetched = await session.execute(delete(FeedFetch).where(col(FeedFetch.feed) == feed).returning(col(FeedFetch.feed)))
    if not [*heard, *fetched]:
        return Ended()
    record(session, "feed.end", "feed", feed, by=by, now=now)
    coming = or_(col(FeedRow.ends_at) > now, col(FeedRow.ends_at).is_(None) & (col(FeedRow.starts_at) > now))
    taking = select(func.count()).where(col(FeedRow.feed) == feed, col(FeedRow.closes), coming)
    return Ended(known=True, taking=await session.scalar(taking) or 0)
