"""Give back the places of holds that have expired. The database's clock decides which."""

from booking.appointments import service
from booking.db import Database


async def run(db: Database) -> int:
    """How many places were given back. Each slot is a transaction of its own."""
    async with db.hot() as hot:
        return sum([await service.release_expired(hot, slot) for slot in await service.expired_slots(hot)])
