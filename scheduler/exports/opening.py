"""Opening what somebody else put there: plain files and nothing else."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason


def opened(path: Path) -> BinaryIO:
    """A plain file, open for reading: no link is followed, no pipe waited for, no device touched.

    Raises:
        ExportUnreadable: it cannot be opened, or is no plain file.
        FileNotFoundError: nothing is there.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        link = isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENXIO)
        reason = UnreadableReason.NOT_A_FILE if link else UnreadableReason.CANNOT_OPEN
        why = "a link or a socket" if link else getattr(error, "strerror", None) or type(error).__name__
        raise ExportUnreadable(reason, why=why) from error
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        raise ExportUnreadable(UnreadableReason.NOT_A_FILE, why=kind_of(mode))
    return os.fdopen(number, "rb")


def kind_of(mode: int) -> str:
    """What it is instead of a file, in words."""
    kinds = {stat.S_ISLNK: "a link", stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((word for test, word in kinds.items() if test(mode)), "a device")
