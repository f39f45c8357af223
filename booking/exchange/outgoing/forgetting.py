"""What is kept of files that went out for a while only."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange.outgoing.models import OutAnswered, OutFile

FILES_KEPT: Final = timedelta(days=60)
"""Longer than any answer takes. The number goes on from the feed's own row, so none comes twice."""


async def forget(session: AsyncSession, feed: str, *, now: datetime) -> None:
    """Remove what is known of files handed over long ago, and of the answers about them; the last file stays."""
    last = select(func.max(col(OutFile.number))).where(col(OutFile.feed) == feed).scalar_subquery()
    old = (
        col(OutFile.feed) == feed,
        col(OutFile.handed_at) < now - FILES_KEPT,
        col(OutFile.number) < last,
    )
    ids = select(col(OutFile.id)).where(*old)
    await session.execute(
        delete(OutAnswered).where(col(OutAnswered.out_file_id).in_(ids)).execution_options(synchronize_session=False)
    )
    await session.execute(delete(OutFile).where(*old).execution_options(synchronize_session=False))
