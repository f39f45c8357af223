"""Once a day, at night: begin the place to practise anew, so that its day is today. It makes none."""

from datetime import datetime, time
from typing import Final

from booking import clock
from booking.actor import system
from booking.db import Database
from booking.trail.forgetting import first_run
from booking.training import service

NIGHTLY: Final = time(3)


async def run(db: Database, *, now: datetime | None = None) -> bool:
    """Whether it was done; False before tonight's time, and when somebody did it already."""
    now = now or clock.utc_now()
    due = clock.at_local(clock.local_day(now), NIGHTLY)
    if now < due:
        return False
    async with db.transaction() as session:
        if not await service.is_there(session) or not await first_run(session, "renew_training", due, now=now):
            return False
        await service.begin_anew(session, by=system("renew_training"), now=now)
    return True
