"""Something in the queue of each facility, for the table of who may open what: a ticket, a room, a display."""

from sqlmodel import col, select

from booking import clock, ids
from booking.clock import local_day
from booking.db import Database
from booking.directory.models import Facility, Room
from booking.queue import commands, displays, service
from booking.queue.around import services_at
from booking.queue.lines import room_at
from tests.queues import CLERK


async def fill(db: Database, facility: str) -> dict[str, str]:
    """Ids by the names the addresses have for them."""
    now = clock.utc_now()
    async with db.transaction() as session:
        facility_id = await session.scalar(select(Facility.id).where(col(Facility.code) == facility))
        assert facility_id is not None
        session.add(Room(facility_id=facility_id, code=f"Q-{facility}", name="Phòng số 9"))
        await session.flush()
        assert await room_at(session, facility_id, f"Q-{facility}") is not None
        offered = await services_at(session, facility_id, local_day(now))
        ticket = commands.WalkIn(facility=facility, service=offered[0].code, ticket=ids.public_id())
        await service.walk_in(session, ticket, by=CLERK, now=now)
        made = await displays.add(session, commands.AddDisplay(facility=facility, name="Mẫu"), by=CLERK, now=now)
    return {"ticket": str(ticket.ticket), "display": str(made), "room": f"Q-{facility}", "step": "recall"}
