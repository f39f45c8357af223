"""Texts that did not arrive for what passes go once more (`trying` of visits and slips, `telephones` of warnings)."""

import logging

from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import trying as slips
from booking.records import telephones

log = logging.getLogger(__name__)


async def run(db: Database) -> int:
    """One look; how many texts were written anew."""
    async with db.transaction() as session:
        written = await trying.try_again(session, now=utc_now())
    async with db.transaction() as session:
        written += await slips.try_again(session, now=utc_now())
    async with db.transaction() as session:
        written += await telephones.warn_again(session, now=utc_now())
    if written:
        log.info("texts that did not arrive go once more", extra={"facts": {"count": written}})
    return written
