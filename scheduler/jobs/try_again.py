"""Texts that did not arrive for what passes go once more (`trying` of visits and slips, `telephones` of warnings)."""

import logging

from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import trying as slips
from booking.records import telephones

log = logging.getLogger(__name__)


async def run(db: Database, *, most: int = 100) -> int:
    """How many texts were written anew; some in a transaction, because thousands may be lost at once."""
    written = 0
    for anew in (trying.try_again, slips.try_again, telephones.warn_again):
        number = most
        while number == most:
            async with db.transaction() as session:
                number = await anew(session, now=utc_now(), most=most)
            written += number
    if written:
        log.info("texts that did not arrive go once more", extra={"facts": {"count": written}})
    return written
