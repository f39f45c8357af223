"""Seal the audit's new events. The newest seal also goes into the log: a copy outside the database."""

import logging

from booking.clock import utc_now
from booking.db import Database
from booking.trail import sealing

log = logging.getLogger(__name__)


async def run(db: Database) -> int:
    """How many events were sealed."""
    async with db.transaction() as session:
        sealed = await sealing.seal(session, now=utc_now())
        if sealed is None:
            return 0
        facts = {"count": sealed.events, "version": sealed.id, "code": sealed.digest.hex()}
    log.info("audit sealed", extra={"facts": facts})
    return int(sealed.events)
