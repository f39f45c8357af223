"""Tell people of the slips they should book by, some days before; slips whose visit was booked are used first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.invitations import telling
from scheduler import row_by_row
from scheduler.jobs.lapse_invitations import use_missed


async def run(db: Database, *, now: datetime | None = None, most: int = 100) -> int:
    """How many texts were written; a slip that makes it fail is left out and named."""
    now, by = now or clock.utc_now(), system("tell_invitations")
    if not telling.is_time(now):
        return 0
    await use_missed(db, by=by, now=now)
    waiting = partial(_waiting, now=now, most=most)
    written, left_out = await row_by_row.through(db, waiting, partial(telling.tell, by=by, now=now, most=most))
    await row_by_row.told(db, "tell_invitations", left_out)
    return written


async def _waiting(session: AsyncSession, without: Collection[int], *, now: datetime, most: int) -> Sequence[int]:
    return await telling.waiting(session, now=now, most=most, without=without)
