"""The host keys by which a hospital's SFTP server is known: what the feed names, and the one comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from booking.exchange.kinds import ServerProblem
from scheduler.exports.servers import SftpServer, beside, secret_in
from scheduler.exports.unreached import Unreached

FAMILIES: Final = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
)
"""A server has a key of each kind and shows the one it is asked for."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A host key that is right: its fingerprint, and its kind where that is known."""

    fingerprint: str
    kind: str | None = None


def is_ours(fingerprint: str, pins: tuple[Pin, ...]) -> bool:
    """Whether a host key is one that the feed names. The one place that decides it."""
    return any(pin.fingerprint == fingerprint for pin in pins)


def pins_of(server: SftpServer, home: Path) -> tuple[Pin, ...]:
    """The host keys that are right.

    Raises:
        Unreached: the file of known hosts cannot be read, or does not know this one.
    """
    pins = [_pin(text) for text in server.host_keys]
    if server.known_hosts is not None:
        text = secret_in(beside(home, server.known_hosts))
        port = None if server.port == 22 else server.port  # noqa: PLR2004  as known_hosts writes it
        try:
            found = asyncssh.match_known_hosts(text.encode(), server.host, "", port)
        except ValueError:
            raise Unreached(ServerProblem.HOST_KEY_UNKNOWN, host=server.host, file=server.known_hosts) from None
        pins += [Pin(key.get_fingerprint(), key.get_algorithm()) for key in found[0]]
    if not pins:
        raise Unreached(ServerProblem.HOST_KEY_UNKNOWN, host=server.host, file=server.known_hosts)
    return tuple(pins)


def _pin(text: str) -> Pin:
    if text.startswith("SHA256:"):
        return Pin(text.rstrip("="))
    try:
        key = asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        raise Unreached(ServerProblem.HOST_KEY_UNKNOWN, key=text[:40]) from None
    return Pin(key.get_fingerprint(), key.get_algorithm())
