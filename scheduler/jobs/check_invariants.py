"""Ask the database whether what must always be true is true."""

import logging

from booking.appointments import invariants
from booking.db import Database

log = logging.getLogger(__name__)


async def run(db: Database) -> int:
    """How many rules are broken; each is an alarm in the log, with the ids of a few rows."""
    async with db.transaction() as session:
        broken = await invariants.broken(session)
    for name, rows in broken.items():
        log.error("an invariant is broken", extra={"facts": {"invariant": name, "count": len(rows), "rows": rows}})
    return len(broken)
