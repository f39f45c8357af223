"""Keep the coming days published. Running it often is cheap: a run that finds nothing to do writes nothing."""

from datetime import datetime

from booking.actor import system
from booking.availability.commands import PublishSlots
from booking.availability.publishing import Published
from booking.db import Database
from booking.exchange import service


async def run(db: Database, *, now: datetime, horizon_days: int) -> Published:
    """Publish every facility up to `horizon_days` from today, in one transaction; what was made, closed, opened.

    What hospitals have given away already is closed in the same transaction: it is never open for a moment.
    """
    async with db.transaction() as session:
        command = PublishSlots(horizon_days=horizon_days)
        return await service.publish(session, command, by=system("publish_slots"), now=now)
