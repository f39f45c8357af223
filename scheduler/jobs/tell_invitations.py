"""Tell people of the slips they should book by, some days before; slips whose visit was booked are used first."""

from datetime import datetime

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.invitations import service, telling


async def run(db: Database, *, now: datetime | None = None, most: int = 100) -> int:
    """How many texts were written."""
    now, by = now or clock.utc_now(), system("tell_invitations")
    if not telling.is_time(now):
        return 0
    async with db.transaction() as session:
        await service.use_missed(session, by=by, now=now)
    written, after = 0, 0
    while True:
        async with db.transaction() as session:
            told, last = await telling.tell(session, by=by, now=now, most=most, after=after)
        written += told
        if last is None:
            return written
        after = last
