"""One look at a remote folder: which files are whole and new, oldest first, and each put into the drop folder.

What is read is counted, and a file that changed while it was read is left for the next look.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncssh
from asyncssh import SFTPAttrs

from booking.exchange.kinds import ServerProblem
from scheduler.exports.arrivals import MARKER
from scheduler.exports.fetching.landing import landing, swept
from scheduler.exports.fetching.looked import Keep, Looked, Memory
from scheduler.exports.fetching.remote_folder import Entry, Listing, Mark, is_plain, listed, path_of, standing
from scheduler.exports.sftp import Line, connected, reason, renamed
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.sources import SftpSource

BETWEEN: Final = 10.0
"""Seconds between two looks at a file of which nothing says that it is whole."""

_BLOCK: Final = 256_000


async def fetch(
    feed: AnyFeed,
    source: SftpSource,
    folder: Path,
    memory: Memory,
    keep: Keep,
    *,
    home: Path,
    now: datetime,
    between: float = BETWEEN,
) -> Looked:
    """Look once, or twice where a file may still be on its way; fetch what is whole, in its order.

    Raises:
        Unreached: with what is wrong. What was fetched until then is kept.
    """
    swept(folder, feed.code)
    async with connected(source, home=home, seconds=feed.source.fetch_seconds) as line:
        look = _Look(feed, source, folder, memory, keep, line, int(now.timestamp()))
        if await look.once() and source.complete == "unchanged":
            await asyncio.sleep(between)
            await look.once()
        return look.found


@dataclass(slots=True)
class _Look:
    feed: AnyFeed
    source: SftpSource
    folder: Path
    memory: Memory
    keep: Keep
    line: Line
    now: int
    found: Looked = field(default_factory=Looked)

    async def once(self) -> bool:
        """One look; whether a file might be whole at the next."""
        listing = await listed(self.line, self.source, self.feed.source.pattern)
        self.found.remarks, self.found.waiting = dict(listing.remarks), 0
        limit = self.feed.limits.megabytes * 1_000_000
        wait = held = False
        for entry in listing.files:
            marked = entry.name in listing.marked
            what = standing(entry, self.memory, self.source, marked=marked, limit=limit)
            if what == "waiting" or (what == "new" and held):
                self.found.waiting += 1
                wait = wait or what == "waiting"
                # A file still on its way holds back those after it; one that never got its marker was given up there.
                held = held or self.source.complete != "marker"
            elif what == "older":
                self.found.remark("older")
            elif what == "too_large":
                self._trouble(ServerProblem.TOO_LARGE, file=entry.name, limit=self.feed.limits.megabytes)
            elif what == "done":
                await self._tidied(entry, marked=marked)
            elif not await self._taken(entry):
                self.found.waiting += 1
                wait = held = True
            else:
                await self._tidied(entry, marked=marked)
        self._remember(listing)
        return wait

    def _trouble(self, problem: ServerProblem, **facts: object) -> None:
        if self.found.problem is None:
            self.found.problem, self.found.facts = problem, facts

    def _remember(self, listing: Listing) -> None:
        here = {each.name: each.mark for each in listing.files}
        taken = self.memory.get("taken", {})
        self.memory["taken"] = {name: mark for name, mark in taken.items() if name in here}
        self.memory["seen"] = {name: mark for name, mark in here.items() if taken.get(name) != mark}

    async def _taken(self, entry: Entry) -> bool:
        """Fetch one file; False when it changed meanwhile, or its name is still taken in our folder."""
        with landing(self.folder, self.feed.code) as file:
            try:
                whole = await self._read(entry, file.write)
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return False  # gone since
            except asyncssh.SFTPPermissionDenied:
                self._trouble(ServerProblem.NOT_ALLOWED, host=self.source.host, folder=entry.name)
                return False
            except asyncssh.SFTPError as error:
                raise reason(error, self.source) from None
            # A file from the future must not make all that come after it look old.
            mtime = min(entry.mtime, self.now)
            if not whole or not await asyncio.to_thread(file.settled, entry.name, mtime=mtime):
                return False
        self.memory.setdefault("taken", {})[entry.name] = entry.mark
        self.memory["newest"] = max(mtime, self.memory.get("newest") or 0)
        self.found.fetched.append(entry.name)
        await self.keep(self.memory, entry.name)
        return True

    async def _read(self, entry: Entry, write: Any) -> bool:
        """Whether what was read is the file that was listed, whole."""
        path, size = path_of(self.source, entry.name), 0
        there = await self.line.step(self.line.sftp.open(path, "rb", block_size=_BLOCK))
        if self._mark(await self.line.step(there.stat())) == entry.mark:
            while size < entry.size:
                data = await self.line.step(there.read(min(_BLOCK * 4, entry.size - size), size))
                if not data:
                    break  # shorter than it said
                size += len(data)
                write(data)
        after = self._mark(await self.line.step(there.stat()))
        await self.line.step(there.close())
        return size == entry.size and after == entry.mark

    @staticmethod
    def _mark(attrs: SFTPAttrs) -> Mark | None:
        return [attrs.size or 0, int(attrs.mtime or 0)] if is_plain(attrs) else None

    async def _tidied(self, entry: Entry, *, marked: bool) -> None:
        """Move or delete what we have, as the feed says; that it could not be done is told and tried again."""
        if self.source.afterwards == "leave":
            return
        there = path_of(self.source, entry.name)
        away = path_of(self.source, f"{self.source.taken_folder}/{entry.name}")
        try:
            if self.source.afterwards == "delete":
                await self.line.step(self.line.sftp.remove(there))
            else:
                await self._moved(there, away)
            if marked:
                await self.line.step(self.line.sftp.remove(there + MARKER.encode()))
        except asyncssh.SFTPError as error:
            self._trouble(ServerProblem.NOT_TIDIED, file=entry.name, why=type(error).__name__.removeprefix("SFTP"))

    async def _moved(self, there: bytes, away: bytes) -> None:
        sftp = self.line.sftp
        folder = path_of(self.source, self.source.taken_folder)
        if not await self.line.step(sftp.exists(folder)):
            await self.line.step(sftp.mkdir(folder))
        await renamed(self.line, there, away)
