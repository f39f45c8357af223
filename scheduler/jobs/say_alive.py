"""Say that a scheduler lives: monitoring asks how long ago that was."""

from booking.clock import utc_now
from booking.db import Database
from booking.trail import observing
from scheduler.soundness import Soundness


async def run(db: Database, jobs: Soundness | None = None) -> None:
    """Put down the moment, and when each job last ran without failing."""
    now = utc_now()
    async with db.transaction() as session:
        await observing.observe(session, observing.SCHEDULER_SEEN, {"": 1.0}, now=now)
        if jobs is not None:
            await observing.sound(session, jobs.known(now), now=now)
