"""Hashing passwords with argon2id. Slow on purpose: call it in a thread, and never inside a transaction."""

from functools import cache
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from booking import ids

_hasher = PasswordHasher()  # RFC 9106, second recommended choice: 64 MiB, 3 passes, 4 lanes

_AT_ONCE: Final = 3
"""Hashes a process makes at once; further ones wait. Else a rush of tries at the desk's door takes 64 MiB each, and the
process is ended for its memory (MemoryMax in deploy/systemd) with everybody in it."""
_room = BoundedSemaphore(_AT_ONCE)


def hash_password(password: str) -> str:
    """The hash with its parameters and salt: `$argon2id$v=19$...`."""
    with _room:
        return _hasher.hash(password)


def fits(stored: str, password: str) -> bool:
    """Whether the password is the one of this hash. Takes the same time for a hash that nobody has."""
    try:
        with _room:
            return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def is_old(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


@cache
def nobodys() -> str:
    """A hash that no password fits: what is verified for a user name that nobody has."""
    return hash_password(ids.opaque_key(32))
