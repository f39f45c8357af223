"""The folder of feeds: read again when a file changes, so that a correction needs no restart."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from booking.exchange.errors import FeedError
from scheduler.exports.feed_file import load_any
from scheduler.exports.slip_feed import AnyFeed

Mark = tuple[int, int, int]

OUT_ENDING = ".out.toml"
"""Terms by which our bookings go out stand in the same folder; they are no feed (scheduler/outgoing)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A feed file that cannot be used."""

    name: str
    problems: tuple[str, ...]


@dataclass(slots=True)
class FeedFolder:
    """Feeds by their files, as of the last look."""

    _known: dict[Path, tuple[Mark, AnyFeed | Broken]] = field(default_factory=dict)
    _twins: set[Path] = field(default_factory=set)

    def look(self, folder: Path) -> tuple[list[AnyFeed], list[Broken]]:
        """The feeds in force, by file name, and what became broken since the last look (each told once)."""
        known: dict[Path, tuple[Mark, AnyFeed | Broken]] = {}
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
            if before is not None and before[0] == mark:
                known[path] = before
                continue
            made = _load(path)
            known[path] = mark, made
            if isinstance(made, Broken):
                broken.append(made)
        self._known = known
        feeds, twins = self._by_code()
        broken += [twin for path, twin in twins.items() if path not in self._twins]
        self._twins = set(twins)
        return feeds, broken

    def _by_code(self) -> tuple[list[AnyFeed], dict[Path, Broken]]:
        """The first feed of each code, and the files of the others."""
        feeds: dict[str, AnyFeed] = {}
        twins: dict[Path, Broken] = {}
        for path, (_, feed) in self._known.items():
            if isinstance(feed, Broken):
                continue
            if feeds.setdefault(feed.code.casefold(), feed) is not feed:
                twins[path] = Broken(path.name, (f"code: {feed.code!r} is the code of another file; not used",))
        return list(feeds.values()), twins


def _load(path: Path) -> AnyFeed | Broken:
    try:
        return load_any(path)
    except FeedError as error:
        return Broken(path.name, tuple(error.problems))


def drop_folder(feed: AnyFeed, feeds_dir: Path) -> Path | None:
    """Where the files of a feed arrive; a relative `source.folder` begins at the folder of feeds."""
    if feed.source.folder is None:
        return None
    return Path(os.path.normpath(feeds_dir / feed.source.folder))
