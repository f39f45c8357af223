"""Once a day, at night: remove what is kept for a while only."""

import logging
from datetime import datetime, time
from typing import Final

from booking import clock
from booking.appointments.forgetting import forget_lapsed_holds
from booking.appointments.waitlist.forgetting import forget_waits
from booking.db import Database
from booking.messages.channel.service import forget_tallies
from booking.messages.sharing import forget_families
from booking.patients.forgetting import forget_codes, forget_sessions
from booking.queue.acts import forget_acts
from booking.queue.wishing import forget_wishes
from booking.trail.forgetting import first_run, forget_answers, forget_counters, forget_events

log = logging.getLogger(__name__)

NIGHTLY: Final = time(2, 30)


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many rows were removed; 0 before tonight's time and when somebody did it already."""
    now = now or clock.utc_now()
    due = clock.at_local(clock.local_day(now), NIGHTLY)
    if now < due:
        return 0
    async with db.transaction() as session:
        if not await first_run(session, "housekeeping", due, now=now):
            return 0
        removed = await forget_answers(session, now=now)
        removed += await forget_counters(session, now=now)
        removed += await forget_events(session, now=now)
        removed += await forget_lapsed_holds(session, now=now)
        removed += await forget_waits(session, now=now)
        removed += await forget_codes(session, now=now)
        removed += await forget_sessions(session, now=now)
        removed += await forget_acts(session, now=now)
        removed += await forget_wishes(session, now=now)
        removed += await forget_families(session, now=now)
        removed += await forget_tallies(session, now=now)
    log.info("housekeeping done", extra={"facts": {"count": removed}})
    return removed
