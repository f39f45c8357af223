"""A filter of system calls (seccomp) for a process that reads hospitals' files: it makes and joins no socket. Linux.

A namespace without a network leaves sockets that are files within reach, PostgreSQL's among them, and no right on a
file that such a process could give up stops a connect. So the kernel refuses the calls themselves, here and in every
child, for good. What it has already, its line to the parent, goes on working. Installed by prctl, which services may
call where a list of allowed calls leaves out seccomp(2).
"""

import ctypes
import errno
import os
import sys
from dataclasses import dataclass
from typing import Any, Final

_SET_SECCOMP: Final = 22
_FILTER_MODE: Final = 2

_LOAD: Final = 0x20  # a word of what the kernel tells of the call
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # where those words stand
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_X32: Final = 0x40000000
"""From here on the numbers of x86_64 name the same calls once more."""

_EVERYWHERE: Final = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438}
"""A ring makes sockets past every filter; a descriptor of another process may be one."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the kernel calls a kind of processor, and the numbers of what is refused there."""

    architecture: int
    refused: dict[str, int]


MACHINES: Final = {
    "x86_64": Machine(0xC000003E, {
        "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "socketpair": 53, "ptrace": 101,
        "accept4": 288, "process_vm_readv": 310, "process_vm_writev": 311, **_EVERYWHERE,
    }),
    "aarch64": Machine(0xC00000B7, {
        "ptrace": 117, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "accept": 202, "connect": 203,
        "accept4": 242, "process_vm_readv": 270, "process_vm_writev": 271, **_EVERYWHERE,
    }),
}  # fmt: skip

Instruction = tuple[int, int, int, int]
"""Code; how many to pass over when it is so, when it is not; what with."""


class _Written(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16), ("so", ctypes.c_uint8), ("else_", ctypes.c_uint8), ("value", ctypes.c_uint32),
    )  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Written)))


def program(machine: Machine) -> list[Instruction]:
    """The filter: refused are the calls named, all of another architecture, and the second names of x86_64."""
    numbers = sorted(machine.refused.values())
    left = len(numbers)
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, left + 1, 0, _X32),
        *((_EQUAL, left - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def forbid(libc: Any) -> bool:
    """For this process and all its children, after it gave up new privileges; whether the kernel agreed."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None or sys.maxsize < 2**32:  # a 32-bit interpreter would lose every call
        return False
    steps = [_Written(*step) for step in program(machine)]
    written = (_Written * len(steps))(*steps)
    told = _Program(len(steps), ctypes.cast(written, ctypes.POINTER(_Written)))
    done: int = libc.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.byref(told), 0, 0)
    return done == 0
