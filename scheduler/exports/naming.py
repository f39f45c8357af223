"""Giving a file that was written under a passing name its own name, over nothing."""

import errno
import os
from pathlib import Path
from typing import Final

_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What a file system says that knows no second names, such as a share of Windows."""


def name_over_nothing(path: Path, target: Path) -> None:
    """As a second name of the file, because a rename would go over one that is there; the passing name may stay.

    Raises:
        FileExistsError: something has that name.
        OSError: the folder cannot be written.
    """
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        path.rename(target)
