"""What was sent in the time that a restore took from us: no row here remembers it, so the provider is asked.

A job that goes on where the restored database stands writes its texts anew, in the same words, and knows nothing of
those that went between that moment and the restore. A text whose news is older than the end of that time begins in
doubt (`service.write`) and is settled like every other (`settling`): found in the provider's list it went, else it goes
once. The time is a row of `job_run`: that a restore was seen to is a thing that was done.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.trail.models import JobRun

RESTORE: Final = "after-restore"
"""Under this name `job_run` has each restore: `scheduled_for` is the moment we are back at, `done_at` when."""

_BACK_TO: Final = text(
    "SELECT coalesce(pg_last_xact_replay_timestamp(), (SELECT at FROM audit_event ORDER BY id DESC LIMIT 1))"
)
"""PostgreSQL's last word of what it replayed; where it was started anew since, the last thing that was done."""


async def back_to(session: AsyncSession, *, now: datetime) -> datetime:
    """The moment the database is back at, or a little before it; now where nothing was ever done in it."""
    found: datetime | None = await session.scalar(_BACK_TO)
    return now if found is None else min(found, now)


async def remember(session: AsyncSession, *, since: datetime, now: datetime) -> None:
    """Keep that nobody remembers what was sent from `since` to now; said twice, it is kept once and ends later."""
    made = upsert(JobRun).values(name=RESTORE, scheduled_for=since, done_at=now)
    later = func.greatest(col(JobRun.done_at), made.excluded.done_at)
    await session.execute(made.on_conflict_do_update(constraint="job_run_key", set_={"done_at": later}))


async def perhaps_sent(
    session: AsyncSession, news: Sequence[datetime | None], *, now: datetime
) -> list[datetime | None]:
    """Of each text, since when it may have been sent without our knowing; None where it cannot have been.

    Args:
        session: of the caller's transaction.
        news: when what each tells came about, or was to be told; None for a text that is never asked for.
        now: the moment of writing. News of this very moment was told to nobody, and costs no look at the database.
    """
    past = [one for one in news if one is not None and one < now]
    if not past:
        return [None] * len(news)
    query = select(JobRun.scheduled_for, JobRun.done_at).where(
        col(JobRun.name) == RESTORE, col(JobRun.done_at) >= min(past)
    )
    spans = (await session.execute(query)).all()
    return [
        None if one is None else min((since for since, until in spans if one <= until), default=None) for one in news
    ]
