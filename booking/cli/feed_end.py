"""`henkham feed end`: say that a feed whose file was taken out of the folder is over."""

import asyncio
import os

from booking import clock
from booking.actor import system
from booking.cli.terminal import say
from booking.db import Database
from booking.exchange import ending
from booking.exchange.ending import Ended

ENDED, UNUSABLE = 0, 2


def run(feed: str) -> int:
    """End a feed; the exit code of the command."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        say("DATABASE_URL is not set: which database?")
        return UNUSABLE
    done = asyncio.run(_end(url, feed))
    if done.listed_in is not None:
        say(f"{feed} stands in the folder of feeds, in {done.listed_in}: take that file away and wait a minute.")
    elif not done.known:
        say(f"Nobody waits for a feed {feed}.")
    else:
        say(f"{feed} is over: nobody waits for a file of it any more.")
    if done.taking:
        say(f"{done.taking} of its rows take times to come; these stay closed. docs/feeds.md says how to let go.")
    return ENDED if done.known else UNUSABLE


async def _end(url: str, feed: str) -> Ended:
    database = Database(url, pool=1, application="henkham-feed-end")
    try:
        async with database.transaction() as session:
            return await ending.end(session, feed, by=system("command line"), now=clock.utc_now())
    finally:
        await database.close()
