"""Use slips whose visit was booked without saying so, close those that are over, show staff what several claim.

Running it often is cheap and does nothing twice. Each of the three goes by itself, and row by row where rows fail: what
makes one fail stops no other.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.actor import Actor, system
from booking.clock import local_day
from booking.db import Database, is_lost
from booking.invitations import matching, service
from scheduler import row_by_row


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many were closed.

    Raises:
        ExceptionGroup: what failed, after the rest was done.
    """
    now, by = now or clock.utc_now(), system("lapse_invitations")
    steps: tuple[Callable[[], Awaitable[int]], ...] = (
        partial(_show_contested, db, now=now),
        partial(use_missed, db, by=by, now=now),
        partial(_close, db, by=by, now=now),
    )
    closed, troubles = 0, list[Exception]()
    for step in steps:
        try:
            closed = await step()
        except Exception as trouble:
            if is_lost(trouble):
                raise
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup("slips could not be looked through", troubles)
    return closed


async def use_missed(db: Database, *, by: Actor, now: datetime) -> int:
    """Use slips whose visit was booked without saying so; how many. Visits that make it fail are left out and told."""

    async def waiting(session: AsyncSession, without: Collection[int]) -> Sequence[int]:
        return await service.missed(session, without=without)

    used, left_out = await row_by_row.through(db, waiting, partial(service.use_missed, by=by, now=now))
    await row_by_row.told(db, "use_missed", left_out)
    return used


async def _show_contested(db: Database, *, now: datetime) -> int:
    async def waiting(session: AsyncSession, without: Collection[int]) -> Sequence[int]:
        return await matching.claimed(session, today=local_day(now), without=without)

    shown, left_out = await row_by_row.through(db, waiting, partial(service.flag_contested, now=now))
    await row_by_row.told(db, "flag_contested", left_out)
    return shown


async def _close(db: Database, *, by: Actor, now: datetime) -> int:
    async with db.transaction() as session:
        return await service.lapse(session, by=by, now=now)
