"""Four machines as network namespaces on one bridge, in a namespace of its own: this machine sees none of it."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

LAN: Final = "hkha-lan"
CLIENT: Final = "client"
MACHINES: Final = {"db1": "10.77.0.1", "db2": "10.77.0.2", "db3": "10.77.0.3", CLIENT: "10.77.0.10"}
DATABASES: Final = ("db1", "db2", "db3")

_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h


def _ip(*words: str, inside: str | None = None) -> None:
    where = ["-n", inside] if inside else []
    subprocess.run(["ip", *where, *words], check=True, capture_output=True, text=True)


def name_of(machine: str) -> str:
    """The namespace of a machine."""
    return f"hkha-{machine}"


@contextmanager
def network() -> Iterator[None]:
    """Make the machines, join them, and take everything down again."""
    _remove()
    try:
        for space in (LAN, *map(name_of, MACHINES)):
            _ip("netns", "add", space)
            _ip("link", "set", "lo", "up", inside=space)
        _ip("link", "add", "lan", "type", "bridge", inside=LAN)
        _ip("link", "set", "lan", "up", inside=LAN)
        for machine, address in MACHINES.items():
            _ip("link", "add", f"to-{machine}", "netns", LAN, "type", "veth", "peer", "name", "eth0", "netns",
                name_of(machine))  # fmt: skip
            _ip("link", "set", f"to-{machine}", "master", "lan", inside=LAN)
            _ip("link", "set", f"to-{machine}", "up", inside=LAN)
            _ip("address", "add", f"{address}/24", "dev", "eth0", inside=name_of(machine))
            _ip("link", "set", "eth0", "up", inside=name_of(machine))
        yield
    finally:
        _remove()


def _remove() -> None:
    for machine in MACHINES:
        send(machine, signal.SIGKILL)
    for space in (*map(name_of, MACHINES), LAN):
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "delete", space)


def cut(machine: str) -> None:
    """Pull the cable of a machine."""
    _ip("link", "set", f"to-{machine}", "down", inside=LAN)


def join(machine: str) -> None:
    """Put it in again."""
    _ip("link", "set", f"to-{machine}", "up", inside=LAN)


def processes(machine: str) -> list[int]:
    """What runs on a machine."""
    done = subprocess.run(["ip", "netns", "pids", name_of(machine)], check=False, capture_output=True, text=True)
    return [int(each) for each in done.stdout.split() if int(each) != os.getpid()]


def send(machine: str, what: signal.Signals) -> None:
    """A signal to everything that runs on a machine."""
    for pid in processes(machine):
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def move_to(machine: str) -> None:
    """From now on this process stands on a machine: what it connects to and starts is there."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{name_of(machine)}", os.O_RDONLY)
    try:
        if libc.setns(place, _NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(place)


def on(machine: str, command: list[str], *, user: str | None = None) -> list[str]:
    """A command as it is started on a machine, as some user."""
    as_user = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
    return ["ip", "netns", "exec", name_of(machine), *as_user, *command]
