"""End what is over in the outbox: leases nobody renewed, codes past their time, texts of no use any more.

A job of its own: it never waits for a provider, as reading its list of texts may do (settle_unknown).
"""

import logging

from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox, service

log = logging.getLogger(__name__)


async def run(db: Database) -> int:
    """One look; how many texts were moved on."""
    async with db.transaction() as session:
        again, unknown = await outbox.end_leases(session, now=utc_now())
        await service.erase_codes(session, now=utc_now())
    async with db.transaction() as session:
        expired = await service.expire(session, most=500, now=utc_now())
    if again or unknown:
        log.warning("leases ran out", extra={"facts": {"due": again, "count": unknown}})
    if expired:
        log.warning("texts expired before they could go", extra={"facts": {"count": expired}})
    return again + unknown + expired
