"""What lies in a remote folder, and how each file there stands.

What the server says of itself is not believed: names are checked, and only what says that it is a plain file is one.
"""

import fnmatch
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import asyncssh
from asyncssh import SFTPAttrs

from booking.exchange.kinds import ServerProblem
from scheduler.exports.arrivals import MARKER, is_passing
from scheduler.exports.fetching.landing import may_land
from scheduler.exports.sftp import Line, reason
from scheduler.exports.sources import SftpSource
from scheduler.exports.unreached import Unreached

MOST_ENTRIES: Final = 20_000

Mark = list[int]
"""Size and time of change: what differs when a file does. A list, because JSON keeps it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A plain file there."""

    name: str
    size: int
    mtime: int

    @property
    def mark(self) -> Mark:
        """To compare two looks by."""
        return [self.size, self.mtime]


@dataclass(slots=True)
class Listing:
    """A remote folder, as far as it is the feed's affair."""

    files: list[Entry] = field(default_factory=list)
    marked: set[str] = field(default_factory=set)
    remarks: dict[str, int] = field(default_factory=dict)

    def remark(self, what: str) -> None:
        """Count one more that is left alone."""
        self.remarks[what] = self.remarks.get(what, 0) + 1


async def listed(line: Line, source: SftpSource, pattern: str) -> Listing:
    """The files of a folder that match, oldest first.

    Raises:
        Unreached: there is no such folder, or no end of files.
    """
    found = Listing()
    count = 0
    names = line.sftp.scandir(source.folder.encode())
    try:
        while (entry := await line.step(anext(names, None))) is not None:
            count += 1
            if count > MOST_ENTRIES:
                raise Unreached(ServerProblem.TOO_MANY_FILES, folder=source.folder, most=MOST_ENTRIES)
            await _sorted_in(line, source, pattern, entry.filename, entry.attrs, found)
    except asyncssh.SFTPError as error:
        raise reason(error, source) from None
    finally:
        await names.aclose()  # type: ignore[attr-defined]  # an async generator, declared as an iterator
    found.files.sort(key=lambda each: (each.mtime, each.name))
    return found


async def _sorted_in(
    line: Line, source: SftpSource, pattern: str, raw: bytes | str, attrs: SFTPAttrs, found: Listing
) -> None:
    name = raw.decode(errors="surrogateescape") if isinstance(raw, bytes) else raw
    if name.endswith(MARKER):
        found.marked.add(name.removesuffix(MARKER))
        return
    if not fnmatch.fnmatchcase(name.casefold(), pattern.casefold()):
        return
    if not may_land(name):
        if "/" in name or "\\" in name or not is_passing(name):
            found.remark("odd_names")
        return
    if attrs.permissions is None and attrs.type in {None, asyncssh.FILEXFER_TYPE_UNKNOWN}:
        try:
            attrs = await line.step(line.sftp.lstat(path_of(source, name)))
        except asyncssh.SFTPError:
            return  # gone since
    if not is_plain(attrs):
        found.remark("no_files")
        return
    found.files.append(Entry(name, attrs.size or 0, int(attrs.mtime or 0)))


def is_plain(attrs: SFTPAttrs) -> bool:
    """Whether it is a plain file: no link, pipe, folder or device, and nothing that does not say what it is."""
    if attrs.permissions is not None and stat.S_IFMT(attrs.permissions):
        return stat.S_ISREG(attrs.permissions)
    return attrs.type == asyncssh.FILEXFER_TYPE_REGULAR


def path_of(source: SftpSource, name: str) -> bytes:
    """Where a file of the feed's folder is there."""
    return f"{source.folder.rstrip('/') or ''}/{name}".encode() if source.folder != "." else name.encode()


What = Literal["new", "waiting", "older", "done", "too_large"]


def standing(entry: Entry, memory: Mapping[str, Any], source: SftpSource, *, marked: bool, limit: int) -> What:
    """What is to be done with a file. Pure."""
    if memory.get("taken", {}).get(entry.name) == entry.mark:
        return "done"
    newest = memory.get("newest")
    if newest is not None and entry.mtime < newest:
        return "older"
    still = memory.get("seen", {}).get(entry.name) == entry.mark
    whole = marked or source.complete == "renamed" or (source.complete == "unchanged" and still)
    if not whole:
        return "waiting"
    return "too_large" if entry.size > limit else "new"
