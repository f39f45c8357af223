"""Close re-examination slips whose last day is over, and show staff those that several people claim.

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
        return await service.lapse(session, by=system("lapse_invitations"), now=now)
