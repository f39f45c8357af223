"""Fetch what hospitals hold ready on servers of theirs, into the drop folders that `read_exports` looks at.

Each feed is fetched by a task of its own, all of them in a thread apart, so a server that hangs delays neither other
feeds nor anything else that is timed. Runs until the scheduler stops.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from booking.clock import utc_now
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange import fetching
from booking.exchange.commands import Content
from booking.exchange.fetching import Claim, ClaimLost, Ended, Wish
from booking.exchange.kinds import ServerProblem
from scheduler.exports.feed_folder import FeedFolder, drop_folder
from scheduler.exports.fetching import looking
from scheduler.exports.fetching.apart import Apart, back_home
from scheduler.exports.fetching.looked import Looked, Memory
from scheduler.exports.slip_feed import AnyFeed

log = logging.getLogger(__name__)

_LEASE = timedelta(seconds=2 * looking.SPARE)
_ENDING = 5.0
"""Seconds in which a look that is broken off must end."""


@dataclass(slots=True)
class Fetching:
    """What one process remembers: the feeds, the looks that are under way, and the thread they happen in."""

    feeds: FeedFolder = field(default_factory=FeedFolder)
    running: dict[str, asyncio.Task[Looked | None]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)
    _apart: Apart | None = None

    @property
    def apart(self) -> Apart:
        """The thread, begun with the first feed that is fetched."""
        if self._apart is None:
            self._apart = Apart()
        return self._apart

    async def end(self) -> None:
        """Break off what runs, and give back the claims; one that cannot be given back lapses by itself."""
        tasks = list(self.running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_ENDING)
        if self._apart is not None:
            await self._apart.close()
            self._apart = None


async def run(db: Database, feeds_dir: Path, *, stop: asyncio.Event, memory: Fetching, poll: float = 5.0) -> None:
    """Begin what is due, every few seconds, until `stop`."""
    try:
        while not stop.is_set():
            await begin(db, feeds_dir, now=utc_now(), memory=memory)
            with suppress(TimeoutError):
                async with asyncio.timeout(poll):
                    await stop.wait()
    finally:
        if stop.is_set():
            await memory.end()


async def begin(db: Database, feeds_dir: Path, *, now: datetime, memory: Fetching) -> None:
    """Claim the feeds whose time has come and begin to fetch them; not waited for."""
    memory.running = {code: task for code, task in memory.running.items() if not task.done()}
    feeds, _ = await asyncio.to_thread(memory.feeds.look, feeds_dir)  # what is wrong with one, read_exports says
    fetched = [feed for feed in feeds if looking.is_fetched(feed)]
    async with db.transaction() as session:
        await fetching.forget(session, [feed.code for feed in fetched], now=now)
        resting = await fetching.resting(session, now=now)
    for feed in fetched:
        wish = _wish(feed)
        if feed.code in memory.running or resting.get(feed.code) == wish.definition:
            continue
        claimed = await _claimed(db, wish, now=now, memory=memory)
        if claimed is not None:
            work = _fetched(db, feed, feeds_dir, wish, claimed, memory.apart)
            memory.running[feed.code] = asyncio.create_task(work)


async def _claimed(db: Database, wish: Wish, *, now: datetime, memory: Fetching) -> Claim | None:
    feed = wish.content.feed
    try:
        async with db.transaction() as session:
            return await fetching.claim(session, wish, now=now)
    except FacilityUnknown:
        if feed not in memory.strange:
            memory.strange.add(feed)
            log.warning("a feed names a facility that is not known", extra={"facts": {"feed": feed}})
        return None


def _wish(feed: AnyFeed) -> Wish:
    source = feed.source
    content = Content(feed.code, feed.facility, "", "", b"", 0, {}, source.old_minutes)
    lease = timedelta(seconds=source.fetch_seconds) + _LEASE
    every = timedelta(minutes=source.every_minutes)
    return Wish(content, looking.place_of(feed), looking.remembered_by(feed), every, lease)


async def _fetched(
    db: Database, feed: AnyFeed, feeds_dir: Path, wish: Wish, claimed: Claim, apart: Apart
) -> Looked | None:
    folder = drop_folder(feed, feeds_dir)
    assert folder is not None, "the feed was checked"
    try:
        keep = back_home(_keeping(db, claimed))
        work = looking.look(feed, folder, dict(claimed.memory), keep, home=feeds_dir, now=utc_now())
        end, found = await apart.run(work)

        async def once() -> None:
            async with db.transaction() as session:
                await fetching.ended(session, wish, claimed, end, now=utc_now())

        await db.until_known(once)
    except asyncio.CancelledError:
        with suppress(Exception):
            async with db.transaction() as session:
                await fetching.give_back(session, claimed)
        raise
    except ClaimLost:
        log.warning("a feed is fetched by another scheduler by now", extra={"facts": {"feed": feed.code}})
        return None
    except Exception:  # the claim lapses, and it is tried again
        log.exception("a feed could not be fetched", extra={"facts": {"feed": feed.code}})
        return None
    _tell(feed, claimed, end, found)
    return found


def _keeping(db: Database, claimed: Claim) -> Callable[[Memory, str | None], Coroutine[Any, Any, None]]:
    async def keep(memory: Memory, file: str | None) -> None:
        async def once() -> None:
            async with db.transaction() as session:
                await fetching.keep(session, claimed, memory, file or "", now=utc_now())

        await db.until_known(once)

    return keep


def _tell(feed: AnyFeed, claimed: Claim, end: Ended, found: Looked) -> None:
    facts = {"feed": feed.code, "count": len(found.fetched)}
    if end.problem is None:
        if found.fetched or claimed.failures:
            log.info("a feed was fetched", extra={"facts": facts})
        return
    facts |= {"reason": end.problem.value, "attempt": claimed.failures + 1}
    if end.problem is ServerProblem.HOST_KEY_CHANGED:
        log.error("a hospital's server shows another host key: nothing was sent or fetched", extra={"facts": facts})
    else:
        log.warning("a feed could not be fetched as it should", extra={"facts": facts})
