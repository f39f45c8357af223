"""Schema and first data."""

import asyncio

from booking import clock
from booking.availability.seeding import seed_calendar
from booking.cli.terminal import say
from booking.db import Database
from booking.directory.seeding import seed_directory
from booking.migrations import upgrading
from booking.migrations.needed import head
from booking.settings import Settings


def run(settings: Settings, *, seed: bool, grant: bool) -> None:
    """Upgrade to the newest revision.

    Args:
        settings: whose database; with `grant` as the role that owns the schema.
        seed: also add what is missing of the city's facilities and holidays.
        grant: also give each role of deploy/postgresql/roles.sql what it may do.
    """
    upgrading.migrate(settings.database_url)
    say(f"The schema is at {head()}.")
    if grant:
        upgrading.grant(settings.database_url)
        say("Each role may do what it is there for.")
    if seed:
        rows = asyncio.run(_seed(settings))
        say(f"Added {rows} rows of facilities, services and holidays; what was there stays as it is.")


async def _seed(settings: Settings) -> int:
    database = Database(settings.database_url, pool=1, application="henkham-migrate")
    now = clock.utc_now()
    try:
        async with database.transaction() as session:
            rows = await seed_directory(session, now)
            return rows + await seed_calendar(session, clock.local_day(now))
    finally:
        await database.close()
