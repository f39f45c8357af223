"""What jobs saw, for monitoring: the newest value of each name and label."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.trail.models import Observation

SCHEDULER_SEEN: Final = "scheduler_seen"
"""That a scheduler lives; the moment is what counts."""
INVARIANT_BROKEN: Final = "invariant_broken"
"""Rows that break a rule which must always hold, by the rule's name; 0 where it holds."""
INVARIANT_BROKEN_EARLIER: Final = "invariant_broken_earlier"
"""The same of the last time that everything was asked about, not only what is near."""
ROWS_LEFT_OUT: Final = "rows_left_out"
"""Rows that a job could not see to in its last run, by the job's name: what they hold makes the work fail."""
JOB_SOUND: Final = "job_sound"
"""When a job last ran without failing, by its name; the value is how often it runs, in seconds, 0 where no longer."""


async def observe(session: AsyncSession, name: str, values: Mapping[str, float], *, now: datetime) -> None:
    """Put down what was seen just now; what was seen before under the same labels is replaced."""
    for label in sorted(values):  # in one order, so that two schedulers do not wait for each other in a circle
        made = upsert(Observation).values(name=name, label=label, value=values[label], at=now)
        await session.execute(
            made.on_conflict_do_update(constraint="observation_pkey", set_={"value": values[label], "at": now})
        )


async def ask_no_more(session: AsyncSession, names: Sequence[str], *, but: Sequence[str]) -> None:
    """Forget what was seen under these names, but for these labels: a rule that is no more cannot be broken."""
    gone = delete(Observation).where(col(Observation.name).in_(names), col(Observation.label).not_in(but))
    await session.execute(gone.execution_options(synchronize_session=False))


async def sound(session: AsyncSession, jobs: Mapping[str, tuple[float, datetime | None]], *, now: datetime) -> None:
    """Put down when each job last ran without failing, as far as this scheduler knows; another's newer word stays.

    A job of which nothing is known yet is put down as sound now, so that it has its time to show itself. One that is
    not in the timetable any more is not waited for.

    Args:
        session: the caller's transaction.
        jobs: by name, how often it runs in seconds, and when it last ran well; None: not since this process began.
        now: the moment.
    """
    gone = update(Observation).where(col(Observation.name) == JOB_SOUND, col(Observation.label).not_in(list(jobs)))
    await session.execute(gone.values(value=0.0).execution_options(synchronize_session=False))
    for label, (every, at) in sorted(jobs.items()):
        made = upsert(Observation).values(name=JOB_SOUND, label=label, value=every, at=at or now)
        newer = func.greatest(col(Observation.at), at) if at is not None else col(Observation.at)
        await session.execute(
            made.on_conflict_do_update(constraint="observation_pkey", set_={"value": every, "at": newer})
        )


async def observed(session: AsyncSession) -> list[Observation]:
    """Everything that was seen."""
    return list((await session.execute(select(Observation).order_by(col(Observation.name)))).scalars())
