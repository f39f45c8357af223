"""Say that a scheduler lives: monitoring asks how long ago that was."""

from booking.clock import utc_now
from booking.db import Database
from booking.trail import observing


async def run(db: Database) -> None:
    """Put down the moment."""
    async with db.transaction() as session:
        await observing.observe(session, observing.SCHEDULER_SEEN, {"": 1.0}, now=utc_now())
