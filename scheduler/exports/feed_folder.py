"""The folder of feeds: read again when a file changes, so that a correction needs no restart.

A file that becomes wrong changes nothing by that: what it said before holds, until it is right again or gone.
"""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from booking.exchange.errors import FeedError
from booking.exchange.shown.listing import Listed
from scheduler.exports.feed_file import load_any
from scheduler.exports.slip_feed import AnyFeed

Mark = tuple[int, int, int]

_LONGEST = 40

OUT_ENDING = ".out.toml"
"""Terms by which our bookings go out stand in the same folder; they are no feed (scheduler/outgoing)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A feed file that cannot be used."""

    name: str
    problems: tuple[str, ...]
    code: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file at its last look: what it says, and the feed in force by it (what it said last, where that is wrong)."""

    mark: Mark
    said: AnyFeed | Broken
    holds: AnyFeed | None


@dataclass(slots=True)
class FeedFolder:
    """Feeds by their files, as of the last look."""

    _known: dict[Path, _Known] = field(default_factory=dict)
    _twins: dict[Path, Broken] = field(default_factory=dict)

    def look(self, folder: Path) -> tuple[list[AnyFeed], list[Broken]]:
        """The feeds in force, by file name, and what became broken since the last look (each told once)."""
        known: dict[Path, _Known] = {}
        broken: list[Broken] = []
        for path in sorted(folder.glob("*.toml")):
            if path.name.endswith(OUT_ENDING):
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # gone since
            mark = status.st_ino, status.st_size, status.st_mtime_ns
            before = self._known.get(path)
            if before is not None and before.mark == mark:
                known[path] = before
                continue
            made = _load(path)
            known[path] = _Known(mark, made, (before.holds if before else None) if isinstance(made, Broken) else made)
            if isinstance(made, Broken):
                broken.append(made)
        self._known = known
        feeds, twins = self._by_code()
        broken += [twin for path, twin in twins.items() if path not in self._twins]
        self._twins = twins
        return feeds, broken

    def listed(self) -> list[Listed]:
        """Every file with what is wrong with it, for pages and alarms."""
        return [self._one(path.name, each, self._twins.get(path)) for path, each in sorted(self._known.items())]

    @staticmethod
    def _one(name: str, known: _Known, twin: Broken | None) -> Listed:
        wrong = twin or (known.said if isinstance(known.said, Broken) else None)
        holds = known.holds
        code, facility = (holds.code, holds.facility) if holds else ("", "")
        if wrong is None:
            return Listed(name, code, facility)
        keeps = holds is not None and twin is None
        return Listed(name, code or wrong.code, facility or wrong.facility, wrong.problems, keeps=keeps)

    def _by_code(self) -> tuple[list[AnyFeed], dict[Path, Broken]]:
        """The first feed of each code, and the files of the others."""
        feeds: dict[str, AnyFeed] = {}
        twins: dict[Path, Broken] = {}
        for path, each in self._known.items():
            feed = each.holds
            if feed is None:
                continue
            if feeds.setdefault(feed.code.casefold(), feed) is not feed:
                twins[path] = Broken(path.name, (f"code: {feed.code!r} is the code of another file; not used",))
        return list(feeds.values()), twins


def _load(path: Path) -> AnyFeed | Broken:
    try:
        return load_any(path)
    except FeedError as error:
        return Broken(path.name, tuple(error.problems), *_named(path))


def _named(path: Path) -> tuple[str, str]:
    """Code and facility of a file that is no feed, where it names them: to say at whose page it is missing."""
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError):
        return "", ""
    code, facility = (str(found.get(name, ""))[:_LONGEST] for name in ("code", "facility"))
    return code, facility


def drop_folder(feed: AnyFeed, feeds_dir: Path) -> Path | None:
    """Where the files of a feed arrive; a relative `source.folder` begins at the folder of feeds."""
    if feed.source.folder is None:
        return None
    return Path(os.path.normpath(feeds_dir / feed.source.folder))
