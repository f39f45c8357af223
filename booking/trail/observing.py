"""What jobs saw, for monitoring: the newest value of each name and label."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.trail.models import Observation

SCHEDULER_SEEN: Final = "scheduler_seen"
"""That a scheduler lives; the moment is what counts."""
INVARIANT_BROKEN: Final = "invariant_broken"
"""Rows that break a rule which must always hold, by the rule's name; 0 where it holds."""


async def observe(session: AsyncSession, name: str, values: Mapping[str, float], *, now: datetime) -> None:
    """Put down what was seen just now; what was seen before under the same labels is replaced."""
    for label in sorted(values):  # in one order, so that two schedulers do not wait for each other in a circle
        made = upsert(Observation).values(name=name, label=label, value=values[label], at=now)
        await session.execute(
            made.on_conflict_do_update(constraint="observation_pkey", set_={"value": values[label], "at": now})
        )


async def observed(session: AsyncSession) -> list[Observation]:
    """Everything that was seen."""
    return list((await session.execute(select(Observation).order_by(col(Observation.name)))).scalars())
