"""What is kept for a while only, and effects that happen once a day whoever runs them."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, delete
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.trail.models import IdempotencyRecord, JobRun, LiveEvent, RateCounter

ANSWERS_KEPT: Final = timedelta(days=30)
"""So long the same key gives the same answer."""

COUNTERS_KEPT: Final = timedelta(days=2)
"""The longest window is a day."""

EVENTS_KEPT: Final = timedelta(days=2)
"""A page that was away for longer begins anew."""


async def first_run(session: AsyncSession, name: str, scheduled_for: datetime, *, now: datetime) -> bool:
    """Whether this daily effect is ours to do: true once for each day it is scheduled for.

    It is written in the caller's transaction, so whoever else tries waits for the outcome: done is done, and a
    transaction that fails leaves the effect to the next.
    """
    made = upsert(JobRun).values(name=name, scheduled_for=scheduled_for, done_at=now)
    result = await session.execute(made.on_conflict_do_nothing(constraint="job_run_key").returning(col(JobRun.id)))
    return result.first() is not None


async def forget_answers(session: AsyncSession, *, now: datetime) -> int:
    """Remove idempotency records older than `ANSWERS_KEPT`; how many."""
    old = col(IdempotencyRecord.created_at) < now - ANSWERS_KEPT
    return await _removed(session, delete(IdempotencyRecord).where(old))


async def forget_counters(session: AsyncSession, *, now: datetime) -> int:
    """Remove counters of windows older than `COUNTERS_KEPT`; how many."""
    old = col(RateCounter.window_start) < now - COUNTERS_KEPT
    return await _removed(session, delete(RateCounter).where(old))


async def forget_events(session: AsyncSession, *, now: datetime) -> int:
    """Remove live events older than `EVENTS_KEPT`; how many."""
    return await _removed(session, delete(LiveEvent).where(col(LiveEvent.at) < now - EVENTS_KEPT))


async def _removed(session: AsyncSession, statement: Any) -> int:
    result = await session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount
