"""Use slips whose visit was booked without saying so, close those that are over, show staff what several claim.

Running it often is cheap and does nothing twice. Each of the three goes by itself: what makes one fail stops no other.
"""

from datetime import datetime
from functools import partial

from booking import clock
from booking.actor import system
from booking.db import Database, is_lost
from booking.invitations import service


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many were closed.

    Raises:
        ExceptionGroup: what failed, after the rest was done.
    """
    now, by = now or clock.utc_now(), system("lapse_invitations")
    closed, troubles = 0, list[Exception]()
    steps = (service.flag_contested, partial(service.use_missed, by=by), partial(service.lapse, by=by))
    for step in steps:
        try:
            async with db.transaction() as session:
                closed = await step(session, now=now) or 0
        except Exception as trouble:
            if is_lost(trouble):
                raise
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup("slips could not be looked through", troubles)
    return closed
