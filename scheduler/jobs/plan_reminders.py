"""Write the reminders of coming visits, a few hundred visits a transaction; hold those of times that are off."""

from booking.appointments import reminding
from booking.clock import utc_now
from booking.db import Database


async def run(db: Database, *, most: int = 200) -> int:
    """How many visits got their reminders, the dropped ones with their reason included."""
    async with db.transaction() as session:
        await reminding.hold(session, now=utc_now())
    planned = 0
    while True:
        async with db.transaction() as session:
            found = await reminding.remind(session, now=utc_now(), most=most)
        planned += found
        if found < most:
            return planned
