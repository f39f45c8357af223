"""Ask the database whether what must always be true is true: of what is near each minute, of everything once a day."""

import logging
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.appointments import invariants
from booking.db import Database
from booking.trail import observing
from booking.trail.forgetting import first_run

log = logging.getLogger(__name__)

NIGHTLY: Final = time(3, 30)
"""When everything is asked about; housekeeping is done by then."""

ASKED_AGAIN: Final = timedelta(hours=1)
"""After which everything is asked about again, as long as something of it is broken: whoever repaired it sees so."""

LOOKED_BACK: Final = timedelta(days=365)
"""So far back everything is asked about: of older visits texts and audit may be gone (docs/operations.md)."""


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many rules are broken; each is an alarm in the log, with the ids of a few rows.

    What starts yesterday or later is asked about each time: nothing earlier changes in a day's work.
    """
    now = now or clock.utc_now()
    async with db.transaction() as session:
        everything = await _everything_is_due(session, now)
        back = LOOKED_BACK if everything else timedelta(days=1)
        since = clock.day_bounds(clock.local_day(now) - back)[0]
        broken = await invariants.broken(session, since=since)
        seen = {name: float(len(broken.get(name, ()))) for name in invariants.invariants()}
        await observing.observe(session, observing.INVARIANT_BROKEN, seen, now=now)
        if everything:
            await observing.observe(session, observing.INVARIANT_BROKEN_EARLIER, seen, now=now)
        await observing.ask_no_more(
            session, [observing.INVARIANT_BROKEN, observing.INVARIANT_BROKEN_EARLIER], but=list(seen)
        )
    for name, rows in broken.items():
        log.error("an invariant is broken", extra={"facts": {"invariant": name, "count": len(rows), "rows": rows}})
    return len(broken)


async def _everything_is_due(session: AsyncSession, now: datetime) -> bool:
    """Once a day, and each hour until what was broken holds again."""
    due = clock.at_local(clock.local_day(now), NIGHTLY)
    if now >= due and await first_run(session, "check_invariants", due, now=now):
        return True
    earlier = [each for each in await observing.observed(session) if each.name == observing.INVARIANT_BROKEN_EARLIER]
    return any(each.value > 0 and each.at <= now - ASKED_AGAIN for each in earlier)
