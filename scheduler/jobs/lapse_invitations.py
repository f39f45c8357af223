"""Use slips whose visit was booked without saying so, close those that are over, show staff what several claim.

Running it often is cheap and does nothing twice.
"""

from datetime import datetime

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.invitations import service


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many were closed."""
    async with db.transaction() as session:
        now = now or clock.utc_now()
        await service.flag_contested(session, now=now)
        await service.use_missed(session, by=system("lapse_invitations"), now=now)
        return await service.lapse(session, by=system("lapse_invitations"), now=now)
