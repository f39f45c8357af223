"""`henkham after-restore`: what must be told before the service runs on a database that was put back."""

import asyncio

from booking import clock, sealed
from booking.cli.terminal import say
from booking.db import Database
from booking.exchange.outgoing.restored import LEAP, begin_anew
from booking.messages import restored
from booking.settings import Settings


def run(settings: Settings) -> None:
    """Let no SMS go twice that went after the moment the database was put back to, and no file's number come twice."""
    sealed.install(settings.keyring())
    count, told = asyncio.run(_doubt(settings))
    say(f"{count} SMS may have gone meanwhile: the scheduler asks the provider before it sends any of them.")
    if told:
        say(f"{told} hospitals are told of all bookings anew; the numbers of their files leap by {LEAP}.")


async def _doubt(settings: Settings) -> tuple[int, int]:
    database = Database(settings.database_url, pool=1, application="henkham-after-restore")
    try:
        async with database.transaction() as session:
            return await restored.doubt(session, now=clock.utc_now()), await begin_anew(session)
    finally:
        await database.close()
