"""Places for those who wait: end what nobody answered, pass it on, tell of what became free. A slot a transaction."""

from datetime import datetime
from functools import partial

from booking.appointments.waitlist import sweeping
from booking.clock import utc_now
from booking.db import Database
from scheduler import row_by_row


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many offers ended or were made; with nobody on the list one look at an index, and no more.

    Two schedulers at once do what one does: whoever locks a slot second finds nothing left to do in it. A slot that
    makes it fail is left out and named.
    """
    now = now or utc_now()
    async with db.transaction() as session:
        if not await sweeping.anybody_waits(session):
            return 0
        await sweeping.end_over(session, now=now)
        expired = await sweeping.expired_slots(session)
    left_out = list[int]()
    done = await row_by_row.each(db, expired, partial(sweeping.lapse, now=now), left_out)
    async with db.transaction() as session:
        free = await sweeping.slots_to_offer(session, now=now)
    done += await row_by_row.each(db, free, partial(sweeping.offer, now=now), left_out)
    await row_by_row.told(db, "make_offers", left_out)
    return done
