"""What is kept for a while only, and effects that happen once a day whoever runs them."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, Table, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.trail.models import IdempotencyRecord, JobRun, LiveEvent, RateCounter

ANSWERS_KEPT: Final = timedelta(days=30)
"""So long the same key gives the same answer."""

COUNTERS_KEPT: Final = timedelta(days=2)
"""The longest window is a day."""

EVENTS_KEPT: Final = timedelta(days=2)
"""A page that was away for longer begins anew."""

RUNS_KEPT: Final = timedelta(days=90)
"""That a daily effect was done is asked on that day; the rest is for whoever looks back."""

BATCH: Final = 2_000
"""Rows that go in one transaction: their locks are held for some milliseconds."""


async def first_run(session: AsyncSession, name: str, scheduled_for: datetime, *, now: datetime) -> bool:
    """Whether this daily effect is ours to do: true once for each day it is scheduled for.

    It is written in the caller's transaction, so whoever else tries waits for the outcome: done is done, and a
    transaction that fails leaves the effect to the next.
    """
    made = upsert(JobRun).values(name=name, scheduled_for=scheduled_for, done_at=now)
    result = await session.execute(made.on_conflict_do_nothing(constraint="job_run_key").returning(col(JobRun.id)))
    return result.first() is not None


async def was_run(session: AsyncSession, name: str, scheduled_for: datetime) -> bool:
    """Whether this daily effect was done."""
    done = select(col(JobRun.id)).where(col(JobRun.name) == name, col(JobRun.scheduled_for) == scheduled_for)
    return await session.scalar(done) is not None


async def forget_answers(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove idempotency records older than `ANSWERS_KEPT`; how many."""
    return await remove(session, IdempotencyRecord, col(IdempotencyRecord.created_at) < now - ANSWERS_KEPT, most=most)


async def forget_counters(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove counters of windows older than `COUNTERS_KEPT`; how many."""
    return await remove(session, RateCounter, col(RateCounter.window_start) < now - COUNTERS_KEPT, most=most)


async def forget_events(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove live events older than `EVENTS_KEPT`; how many."""
    return await remove(session, LiveEvent, col(LiveEvent.at) < now - EVENTS_KEPT, most=most)


async def forget_runs(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove notes of daily effects done before `RUNS_KEPT`; how many."""
    return await remove(session, JobRun, col(JobRun.scheduled_for) < now - RUNS_KEPT, most=most)


async def remove(session: AsyncSession, model: type[SQLModel], *which: Any, most: int = BATCH) -> int:
    """Remove at most `most` rows of a table that meet every condition; how many. A row somebody holds is left.

    So many at a time, because whoever wants one of the rows waits for the whole transaction.
    """
    table: Table = model.__table__  # type: ignore[attr-defined]
    ids = list(table.primary_key.columns)
    chosen = select(*ids).where(*which).limit(most).with_for_update(skip_locked=True)
    gone = delete(table).where(tuple_(*ids).in_(chosen)).execution_options(synchronize_session=False)
    result = await session.execute(gone)
    assert isinstance(result, CursorResult)
    return result.rowcount
