"""One look at a feed's server, whichever way: what came of it, or why it was not reached."""

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Final

from booking.exchange.fetching import ClaimLost, Ended
from booking.exchange.kinds import ServerProblem
from scheduler.exports.fetching import from_https, from_sftp
from scheduler.exports.fetching.looked import Keep, Looked, Memory
from scheduler.exports.parts import definition_of
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.unreached import Unreached

SPARE: Final = 45.0
"""Seconds beyond the feed's own that a look may take: to connect, and to end."""


def is_fetched(feed: AnyFeed) -> bool:
    """Whether the files of a feed are fetched."""
    return feed.source.sftp is not None or feed.source.https is not None


def place_of(feed: AnyFeed) -> str:
    """The server's address for people."""
    way = feed.source.sftp or feed.source.https
    assert way is not None, "asked of feeds that are fetched"
    return way.place


def remembered_by(feed: AnyFeed) -> str:
    """A hash of what the memory of a server depends on.

    What one address answers is asked for anew when the feed was corrected; files of a folder that were taken are not.
    """
    sftp, https = feed.source.sftp, feed.source.https
    if sftp is not None:
        about = ["sftp", sftp.host, sftp.port, sftp.user, sftp.folder]
    else:
        assert https is not None, "asked of feeds that are fetched"
        about = ["https", https.url, https.user, definition_of(feed)]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


async def look(
    feed: AnyFeed, folder: Path, memory: Memory, keep: Keep, *, home: Path, now: datetime
) -> tuple[Ended, Looked]:
    """Look once. Whatever goes wrong comes back in words, not as an exception."""
    found = Looked()
    try:
        async with asyncio.timeout(feed.source.fetch_seconds + SPARE):
            if feed.source.sftp is not None:
                found = await from_sftp.fetch(feed, feed.source.sftp, folder, memory, keep, home=home, now=now)
            elif feed.source.https is not None:
                async with asyncio.timeout(feed.source.fetch_seconds):
                    found = await from_https.fetch(feed, feed.source.https, folder, memory, keep, home=home, now=now)
    except Unreached as error:
        return Ended(reached=False, memory=memory, problem=error.problem, facts=error.facts), found
    except TimeoutError:
        facts = {"seconds": feed.source.fetch_seconds}
        return Ended(reached=False, memory=memory, problem=ServerProblem.TOO_SLOW, facts=facts), found
    except ClaimLost:
        raise
    except Exception as error:  # noqa: BLE001  one server's strangeness is told like any other trouble
        named = {"error": type(error).__name__}
        return Ended(reached=False, memory=memory, problem=ServerProblem.FAILED, facts=named), found
    same = bytes.fromhex(memory["sha256"]) if found.unchanged and "sha256" in memory else None
    left = found.remarks | ({"waiting": found.waiting} if found.waiting else {})
    return Ended(True, memory, found.problem, found.facts if found.problem else left, same, found.said_at), found
