"""Kernels that refuse what keeps a reader confined, acted for the process that reads apart."""

from scheduler.exports import apart

SHARING = """
from scheduler.exports import confinement
confinement._NEW_USER = confinement._NEW_NETWORK = 0x80000000  # no such flags: refused, as some kernels do
"""
"""One without namespaces: the network stays."""

UNFILTERED = """
from scheduler.exports import no_sockets
no_sockets._FILTER_MODE = 77  # no such mode: refused, as a kernel without filters does
"""
"""One without filters: sockets that are files stay."""


def booted(*odd: str) -> str:
    """How the process begins on such a kernel."""
    assert apart._BOOT.count("main(") == 1
    return apart._BOOT.replace("main(", f"exec({''.join(odd)!r});main(")
