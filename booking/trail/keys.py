"""Idempotency: one key and one canonical body give one answer."""

import re
from dataclasses import dataclass

from booking.inputs import Command
from booking.sealed import keys

KEY_PATTERN = re.compile(r"[\x21-\x7e]{8,128}")
"""8 to 128 visible ASCII signs; random ones, such as a UUID."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key with whom it belongs to and what it was sent for.

    Attributes:
        scope: the operation and the session or API client; a key is never compared across scopes.
        key: what the client sent.
        body_hash: keyed, of the canonical body; the same key with another hash is refused. Keyed, because a plain
            hash of a name and a telephone number is soon guessed from a stolen dump.
    """

    scope: str
    key: str
    body_hash: bytes


def keyed(scope: str, key: str, command: Command) -> IdempotencyKey:
    """The key of a command. Its body is canonical: text NFC and trimmed, defaults filled in, members in one order."""
    return IdempotencyKey(scope, key, keys().index("body", command.model_dump_json()))
