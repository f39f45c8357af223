"""Write the reminders of coming visits, a few hundred visits a transaction; hold those of times that are off."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from booking.appointments import reminding
from booking.clock import utc_now
from booking.db import Database
from scheduler import row_by_row


async def run(db: Database, *, most: int = 200) -> int:
    """How many visits got their reminders, the dropped ones with their reason included.

    A visit whose data makes it fail is left out and named; it keeps nobody else from being reminded.
    """
    now = utc_now()
    async with db.transaction() as session:
        await reminding.hold(session, now=now)
    waiting = partial(_waiting, now=now, most=most)
    planned, left_out = await row_by_row.through(db, waiting, partial(_remind, now=now))
    await row_by_row.told(db, "plan_reminders", left_out)
    return planned


async def _waiting(session: AsyncSession, without: Collection[int], *, now: datetime, most: int) -> Sequence[int]:
    return await reminding.waiting(session, now=now, most=most, without=without)


async def _remind(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> int:
    return await reminding.remind(session, now=now, most=len(ids), only=ids)
