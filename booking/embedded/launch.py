"""Become an ordinary user, ask to end with the parent, then become another program.

A script, run by its path and never imported by the product:

    python -I -S launch.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT ...]

PARENT is the pid that must still be our parent; SIGNAL is what the kernel shall send us when it dies (0: nothing);
UID and GID are -1 to stay who we are. It is a program of its own because Python code between fork and exec may
deadlock in a process with threads, and because the interpreter may lie where the ordinary user cannot follow.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_CANNOT_RUN = 126


def main(arguments: list[str]) -> None:
    """Replace this process. Ends it with a line on stderr where that cannot be done."""
    parent, signal, uid, gid = (int(argument) for argument in arguments[:4])
    program = arguments[4:]
    libc = ctypes.CDLL(None)  # loaded while we may still read every folder
    try:
        os.umask(0o077)
        os.chdir("/")  # the caller's folder may be closed to the ordinary user
        if uid >= 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        # After setuid, which clears it. Elsewhere than on Linux a kill -9 of the parent leaves the server; the next
        # start then finds the folder busy and says so.
        if sys.platform == "linux":
            libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0)  # fails for a wrong signal only
        if os.getppid() != parent:  # it died before the line above
            return
        os.execv(program[0], program)  # noqa: S606 - no shell is the point
    except OSError as problem:
        sys.stderr.write(f"cannot run {program[0]} as user {uid}: {problem}\n")
        sys.exit(_CANNOT_RUN)


if __name__ == "__main__":
    main(sys.argv[1:])
