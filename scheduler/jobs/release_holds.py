"""Give back the places of holds that have expired. The database's clock decides which."""

import logging

from booking.appointments import service
from booking.db import Database, is_lost
from scheduler import row_by_row

log = logging.getLogger(__name__)


async def run(db: Database) -> int:
    """How many places were given back.

    Each slot is a transaction of its own, in one statement; one that fails is left out, named, and tried again by the
    next run.
    """
    done, after, left_out = 0, 0, list[int]()
    async with db.hot() as hot:
        while slots := await service.expired_slots(hot, after=after):
            for slot in slots:
                try:
                    done += await service.release_expired(hot, slot)
                except Exception as trouble:
                    if is_lost(trouble):
                        raise
                    facts = {"slot": slot, "type": type(trouble).__name__}
                    log.error("a slot's holds cannot be given back", extra={"facts": facts})  # noqa: TRY400 rows stand in its text
                    left_out.append(slot)
            after = slots[-1]
    await row_by_row.told(db, "release_holds", left_out)
    return done
