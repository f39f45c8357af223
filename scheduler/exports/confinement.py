"""What a process that reads hospitals' files gives up before it opens one. Linux.

What the kernel does not allow is told to the caller, who then refuses the formats that could do harm with it.
"""

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Final

from scheduler.exports import no_sockets

_NEW_USER: Final = 0x10000000
_NEW_NETWORK: Final = 0x40000000
_PARENT_DEATH: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_OPEN_FILES: Final = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may cost.

    Attributes:
        memory: bytes of address space; None: as much as there is (for the control of a test).
        processor: seconds of processor time; None likewise.
        wall: seconds on the wall, however little of them the process was given.
        with_network: read every format even where the kernel allows no process without a network.
    """

    memory: int | None = 512 * 1_048_576
    processor: int | None = 20
    wall: float = 120
    with_network: bool = False


def give_up() -> bool:
    """Once, for a process and all its children: no privileges, no core, no file written, few opened, nobody to reach.

    Returns:
        Whether the network is gone, and every other way to a socket. All else holds in any case.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    off_the_network: bool = libc.unshare(_NEW_USER | _NEW_NETWORK) == 0
    without_sockets = no_sockets.forbid(libc)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    return off_the_network and without_sockets


def limit(memory: int | None, processor: int | None) -> None:
    """For one child: its own limits; it dies with its parent, and first when memory runs out."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123
        score.write(b"1000")
    if memory is not None:
        _lower(resource.RLIMIT_AS, memory)
    if processor is not None:
        # The soft limit ends the process with SIGXCPU, the hard one with SIGKILL should that have been caught.
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))


def _lower(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def dies_by(status: int) -> int:
    """The signal that ended a process, by its wait status; 0 when it ended by itself."""
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
