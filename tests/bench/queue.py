"""The desk's queue with 500 people in it, for the table of pages."""

from sqlalchemy import text

from booking import clock, ids
from booking.access.kinds import Role
from booking.db import Database
from booking.patients.kinds import PriorityClass
from booking.queue import commands, service
from tests import staff
from tests.queues import CLERK

PEOPLE = 500


async def fill(url: str) -> tuple[dict[str, list[str]], str]:
    """Five hundred people who wait for one service; the pages by name, and the cookie of a clerk."""
    database = Database(url, pool=1)
    try:
        async with database.transaction() as session:
            found = await session.execute(
                text("SELECT f.code, s.code FROM service s JOIN facility f ON f.id = facility_id ORDER BY s.id LIMIT 1")
            )
            facility, offered = found.one()
            for number in range(PEOPLE):
                claimed = PriorityClass.PREGNANT if number % 9 == 0 else None
                command = commands.WalkIn(
                    facility=facility, service=offered, ticket=ids.public_id(), name="Nguyễn Thị Mẫu",
                    birth_year=1940 + number % 70, priority_claimed=claimed,
                )  # fmt: skip
                await service.walk_in(session, command, by=CLERK, now=clock.utc_now())
        await staff.add(database, "bench.mau", Role.CLERK, [facility])
        token = await staff.sign_in(database, "bench.mau")
    finally:
        await database.close()
    return {"queue of 500": [f"/desk/{facility}/queue?service={offered}"]}, f"desk={token}"
