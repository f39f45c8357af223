"""Places for those who wait: end what nobody answered, pass it on, tell of what became free. A slot a transaction."""

from datetime import datetime

from booking.appointments.waitlist import sweeping
from booking.clock import utc_now
from booking.db import Database


async def run(db: Database, *, now: datetime | None = None) -> int:
    """How many offers ended or were made; with nobody on the list one look at an index, and no more.

    Two schedulers at once do what one does: whoever locks a slot second finds nothing left to do in it.
    """
    now = now or utc_now()
    async with db.transaction() as session:
        if not await sweeping.anybody_waits(session):
            return 0
        await sweeping.end_over(session, now=now)
        expired = await sweeping.expired_slots(session)
    done = 0
    for slot in expired:
        async with db.transaction() as session:
            done += await sweeping.lapse(session, slot, now=now)
    async with db.transaction() as session:
        free = await sweeping.slots_to_offer(session, now=now)
    for slot in free:
        async with db.transaction() as session:
            done += await sweeping.offer(session, slot, now=now)
    return done
