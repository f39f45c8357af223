"""Files in a drop folder: which are complete, taking one safely, and putting it away with a report.

Whoever may write into such a folder is not trusted with more than that: links are not followed, nothing but plain files
is opened, and a name is never more than a name.
"""

import filecmp
import fnmatch
import hashlib
import os
import stat
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from scheduler.exports.opening import kind_of, opened
from scheduler.exports.slip_feed import AnyFeed

DONE, HELD, QUARANTINE = "done", "held", "quarantine"

MARKER = ".done"
"""`export.csv.done` beside `export.csv` says that it is complete."""

LOOKS = 2
"""A file without a marker is complete when so many looks in a row saw it unchanged."""

PATIENCE = 20
"""So many looks a file that seems cut off may stay unchanged, before it is judged as it is."""

_PASSING = (".part", ".tmp", ".filepart", ".crdownload", MARKER)
_IN_MEMORY = 8_000_000
_CHUNK = 1_000_000
_LONGEST_NAME = 180  # bytes; with our endings it must stay under 255

Mark = tuple[int, int, int]
"""What changes when a file does: inode, size, time of change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How often a file was seen as it is now."""

    mark: Mark
    looks: int = 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that looks complete.

    Attributes:
        path: where it is.
        mark: how it looked.
        final: no more patience: it has a marker, or has not changed for long. If it is cut off now, it stays so.
        instead: what it is instead of a plain file, such as "a link"; then it is never opened.
    """

    path: Path
    mark: Mark
    final: bool
    instead: str | None = None


@dataclass(slots=True)
class Sights:
    """What one process has seen in the drop folders. Losing it costs two looks."""

    seen: dict[Path, Sight] = field(default_factory=dict)
    settled: dict[Path, Mark] = field(default_factory=dict)
    """Files that are judged and could not be moved away."""

    def look(self, feed: AnyFeed, folder: Path) -> tuple[list[Arrival], list[str]]:
        """The complete files of a feed, oldest first (by time of change, then by name); names of folders."""
        return self.look_for(feed.source.pattern, folder)

    def look_for(self, pattern: str, folder: Path) -> tuple[list[Arrival], list[str]]:
        """The complete files of these names.

        A file still on its way holds back those that came after it. Links, pipes and devices come first: they are
        only moved away.
        """
        files, strays, strange = _listed(folder, pattern)
        self._forget(folder, {path for path, _ in files})
        ready = [stray for stray in strays if self.settled.get(stray.path) != stray.mark]
        waiting = False
        for path, mark in files:
            if self.settled.get(path) == mark:
                continue
            looks = self._count(path, mark)
            marked = os.path.lexists(f"{path}{MARKER}")
            waiting = waiting or (looks < LOOKS and not marked)
            if not waiting:
                ready.append(Arrival(path, mark, final=marked or looks >= PATIENCE))
        return ready, strange

    def _count(self, path: Path, mark: Mark) -> int:
        before = self.seen.get(path)
        sight = Sight(mark, before.looks + 1) if before is not None and before.mark == mark else Sight(mark)
        self.seen[path] = sight
        return sight.looks

    def _forget(self, folder: Path, present: set[Path]) -> None:
        for known in (self.seen, self.settled):
            # A list of its own: of another feed a file may be put away in this moment.
            for path in [path for path in list(known) if path.parent == folder and not os.path.lexists(path)]:
                if path not in present:
                    known.pop(path, None)


def _listed(folder: Path, pattern: str) -> tuple[list[tuple[Path, Mark]], list[Arrival], list[str]]:
    """Plain files; what is neither file nor folder; names of folders."""
    found: list[tuple[Path, Mark]] = []
    strays: list[Arrival] = []
    strange: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name in {DONE, HELD, QUARANTINE} or is_passing(name):
                continue
            if not fnmatch.fnmatchcase(name.casefold(), pattern.casefold()):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone since
            if stat.S_ISREG(status.st_mode):
                found.append((Path(entry.path), mark_of(status)))
            elif stat.S_ISDIR(status.st_mode):
                strange.append(plain_name(name))
            else:
                strays.append(Arrival(Path(entry.path), mark_of(status), final=True, instead=kind_of(status.st_mode)))
    return sorted(found, key=lambda pair: (pair[1][2], pair[0].name)), strays, sorted(strange)


def mark_of(status: os.stat_result) -> Mark:
    """What to compare two looks by."""
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Taken:
    """A copy of a file that nobody can change any more: what is hashed is what is read. Closing it removes it.

    `changed`: when the file was last changed, in nanoseconds since 1970.
    """

    stream: BinaryIO
    sha256: bytes
    size: int
    changed: int = 0


def take(arrival: Arrival, *, megabytes: int) -> Taken:
    """Copy a file: at most a megabyte more than `megabytes`, which the reader then refuses.

    Raises:
        ExportUnreadable: it cannot be opened, or is no plain file.
        FileNotFoundError: it is gone: another scheduler took it.
        Changed: it is no longer what was looked at.
    """
    with opened(arrival.path) as source, ExitStack() as stack:
        copy = stack.enter_context(_nameless(arrival.mark[1]))
        digest = hashlib.sha256()
        _same(source, arrival)
        left = (megabytes + 1) * 1_000_000
        while left > 0 and (chunk := source.read(min(_CHUNK, left))):
            digest.update(chunk)
            copy.write(chunk)
            left -= len(chunk)
        _same(source, arrival)
        copy.seek(0)
        stack.pop_all()
        return Taken(copy, digest.digest(), arrival.mark[1], arrival.mark[2])


def _nameless(size: int) -> BinaryIO:
    """A file without a name, which can be handed to another process: in memory when it is small."""
    if size <= _IN_MEMORY:
        return os.fdopen(os.memfd_create("export", os.MFD_CLOEXEC), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


def _same(source: BinaryIO, arrival: Arrival) -> None:
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode) or mark_of(status) != arrival.mark:
        raise Changed


class Changed(Exception):
    """The file changed while it was read: look again later."""


def put_away(arrival: Arrival, where: str, report: str | None) -> Path | None:
    """Move a file into a folder beside it, with its report; where it is now.

    None when it is no longer what was judged: then it stays, and is looked at anew.

    Raises:
        OSError: it cannot be moved.
    """
    path = arrival.path
    try:
        if mark_of(path.lstat()) != arrival.mark:
            return None
    except FileNotFoundError:
        return None
    folder = path.parent / where
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(f"{where} is a link")
    target = _free(folder, path)
    if report is not None:
        _write(target.with_name(f"{target.name}.report.txt"), report)
    try:
        path.rename(target)
    except FileNotFoundError:  # another scheduler was faster
        return None
    path.with_name(path.name + MARKER).unlink(missing_ok=True)
    return target


def _free(folder: Path, path: Path) -> Path:
    """A name nobody has there; or the name of the same content, which need not be kept twice."""
    name = plain_name(path.name)
    stem, dot, ending = name.rpartition(".")
    number = 1
    target = folder / name
    while os.path.lexists(target) and not _same_content(path, target):
        number += 1
        target = folder / (f"{stem}.{number}.{ending}" if dot and stem else f"{name}.{number}")
    return target


def _same_content(one: Path, other: Path) -> bool:
    plain = stat.S_ISREG(one.lstat().st_mode) and stat.S_ISREG(other.lstat().st_mode)
    return plain and filecmp.cmp(one, other, shallow=False)


def _write(path: Path, report: str) -> None:
    """Whole, or not at all; over an earlier one, never through a link."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o640), "w", encoding="utf-8", errors="replace") as file:
        file.write(report)


def is_passing(name: str) -> bool:
    """Whether a name says that somebody is still writing; such files are never looked at."""
    return name.startswith(".") or name.endswith(_PASSING)


def has_plain_name(path: Path) -> bool:
    """Whether a name can be shown, logged and stored as it is."""
    return path.name.isprintable()


def plain_name(name: str) -> str:
    """A name without control signs and bytes that are no text, short enough for our endings."""
    shown = "".join(sign if sign.isprintable() else "_" for sign in name)
    if len(shown.encode(errors="replace")) <= _LONGEST_NAME:
        return shown
    stem, dot, ending = shown.rpartition(".")
    ending = f"{dot}{ending}" if dot and len(ending) <= len("filepart") else ""
    cut = (stem or shown).encode()[: _LONGEST_NAME - len(ending.encode())].decode(errors="ignore")
    return cut + ending
