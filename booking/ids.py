"""The only source of randomness: public ids, booking codes, one-time keys, jitter."""

import random
import secrets
from uuid import UUID

from booking import clock

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Thirty signs that cannot be taken for one another on paper or over the telephone: no 0 O, 1 I L, U."""

CODE_LENGTH = 8

_system = random.SystemRandom()


def public_id() -> UUID:
    """An id to show outside: a UUID of version 7 (RFC 9562, section 5.7), 48 bits of the millisecond, 74 random ones.

    What is written at one time lies together in an index: among ten million visits a booking changes pages that the one
    before it has changed. It tells when it was made and cannot be guessed, but it opens nothing by itself.
    """
    milliseconds = int(clock.utc_now().timestamp() * 1000)
    number = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | (number >> 62) << 64 | 2 << 62 | number & (1 << 62) - 1)


def booking_code(mark: bytes | None = None) -> str:
    """Eight signs from 30 (39 bits): short enough to read aloud. It names a visit; it opens nothing.

    From a mark (16 bytes or more of a keyed hash) always the same one.
    """
    many, signs = len(CODE_ALPHABET) ** CODE_LENGTH, []
    number = secrets.randbelow(many) if mark is None else int.from_bytes(mark) % many
    for _ in range(CODE_LENGTH):
        number, index = divmod(number, len(CODE_ALPHABET))
        signs.append(CODE_ALPHABET[index])
    return "".join(signs)


def one_time_code() -> str:
    """Six digits for an SMS. A million of them: good for minutes and a few tries, and nothing else."""
    return f"{secrets.randbelow(1_000_000):06d}"


def opaque_key(size: int = 16) -> str:
    """URL-safe random text of `size` bytes: idempotency keys, device marks, request ids."""
    return secrets.token_urlsafe(size)


def passphrase() -> str:
    """A first password that is read aloud and typed once: four groups of four signs out of 30 (78 bits)."""
    return "-".join("".join(secrets.choice(CODE_ALPHABET) for _ in range(4)).lower() for _ in range(4))


def jitter(low: float, high: float) -> float:
    """A number between `low` and `high`, so that retries do not march in step."""
    return _system.uniform(low, high)
