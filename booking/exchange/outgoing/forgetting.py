"""What is kept of files that went out for a while only."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking.exchange.outgoing.models import OutAnswered, OutFile, OutTold
from booking.trail.forgetting import BATCH, remove

FILES_KEPT: Final = timedelta(days=60)
"""Longer than any answer takes. Numbers go on from the feed's own row, so none comes twice."""

TOLD_KEPT: Final = timedelta(days=40)
"""Terms look a month back at most; those that are used forget sooner."""


async def forget_files(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove files handed over before FILES_KEPT, and the answers about them; how many. The last of a feed stays."""
    newer = aliased(OutFile)
    last = select(func.max(col(newer.number))).where(col(newer.feed) == col(OutFile.feed)).scalar_subquery()
    chosen = select(col(OutFile.id)).where(col(OutFile.handed_at) < now - FILES_KEPT, col(OutFile.number) < last)
    old = list((await session.execute(chosen.limit(most).with_for_update(skip_locked=True))).scalars())
    answers = delete(OutAnswered).where(col(OutAnswered.out_file_id).in_(old))
    await session.execute(answers.execution_options(synchronize_session=False))
    return await remove(session, OutFile, col(OutFile.id).in_(old), most=most)


async def forget_told(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove what was told of visits over for longer than TOLD_KEPT, by terms nobody uses any more; how many."""
    return await remove(session, OutTold, col(OutTold.starts_at) < now - TOLD_KEPT, most=most)
