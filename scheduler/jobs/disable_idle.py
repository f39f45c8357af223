"""Close accounts of staff that nobody used for 45 days. Running it often is cheap and does nothing twice."""

import logging
from datetime import datetime

from booking import clock
from booking.access import service
from booking.actor import system
from booking.db import Database

log = logging.getLogger(__name__)


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many were closed."""
    async with db.transaction() as session:
        closed = await service.disable_idle(session, by=system("disable_idle"), now=now or clock.utc_now())
    if closed:
        log.info("idle accounts were closed", extra={"facts": {"count": closed}})
    return closed
