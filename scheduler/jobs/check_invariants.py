"""Ask the database whether what must always be true is true: of what is near each minute, of everything once a day."""

import logging
from datetime import datetime, time, timedelta
from typing import Final

from booking import clock
from booking.appointments import invariants
from booking.db import Database
from booking.trail import observing
from booking.trail.forgetting import first_run

log = logging.getLogger(__name__)

NIGHTLY: Final = time(3, 30)
"""When everything is asked about; housekeeping is done by then."""

LOOKED_BACK: Final = timedelta(days=365)
"""So far back everything is asked about: of older visits texts and audit may be gone (docs/operations.md)."""


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many rules are broken; each is an alarm in the log, with the ids of a few rows.

    What starts yesterday or later is asked about each time: nothing earlier changes in a day's work.
    """
    now = now or clock.utc_now()
    due = clock.at_local(clock.local_day(now), NIGHTLY)
    async with db.transaction() as session:
        everything = now >= due and await first_run(session, "check_invariants", due, now=now)
        back = LOOKED_BACK if everything else timedelta(days=1)
        since = clock.day_bounds(clock.local_day(now) - back)[0]
        broken = await invariants.broken(session, since=since)
        seen = {name: float(len(broken.get(name, ()))) for name in invariants.invariants()}
        await observing.observe(session, observing.INVARIANT_BROKEN, seen, now=now)
    for name, rows in broken.items():
        log.error("an invariant is broken", extra={"facts": {"invariant": name, "count": len(rows), "rows": rows}})
    return len(broken)
