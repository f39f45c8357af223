"""`henkham after-restore`: what must be told before the service runs on a database that was put back."""

import asyncio
from datetime import datetime

from booking import clock, sealed
from booking.cli.terminal import say
from booking.db import Database
from booking.exchange.outgoing.restored import LEAP, begin_anew
from booking.messages import forgotten, restored
from booking.settings import Settings


def run(settings: Settings) -> None:
    """Let no SMS go twice that went after the moment the database was put back to, and no file's number come twice."""
    sealed.install(settings.keyring())
    since, count, told = asyncio.run(_doubt(settings))
    say(f"The database is back at {since.astimezone(clock.ZONE):%Y-%m-%d %H:%M:%S%z}.")
    say(f"{count} SMS may have gone meanwhile: the scheduler asks the provider before it sends any of them.")
    say("It asks as well before it sends a text whose news is from that time, though nobody here remembers one.")
    if told:
        say(f"{told} hospitals are told of all bookings anew; the numbers of their files leap by {LEAP}.")


async def _doubt(settings: Settings) -> tuple[datetime, int, int]:
    database = Database(settings.database_url, pool=1, application="henkham-after-restore")
    try:
        async with database.transaction() as session:
            now = clock.utc_now()
            since = await forgotten.back_to(session, now=now)
            await forgotten.remember(session, since=since, now=now)
            return since, await restored.doubt(session, now=now), await begin_anew(session)
    finally:
        await database.close()
