"""Close re-examination slips whose last day is over. Running it often is cheap and does nothing twice."""

from datetime import datetime

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.invitations import service


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many were closed."""
    async with db.transaction() as session:
        return await service.lapse(session, by=system("lapse_invitations"), now=now or clock.utc_now())
