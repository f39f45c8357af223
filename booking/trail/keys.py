"""Idempotency: one key and one canonical body give one answer."""

import re
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from booking.sealed import keys
from booking.text import clean

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


def keyed(scope: str, key: str, command: BaseModel) -> IdempotencyKey:
    """The key of a command. Canonical means: NFC, trimmed, defaults filled in, members sorted."""
    body = orjson.dumps(_canonical(command.model_dump(mode="json")), option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(scope, key, keys().index("body", body.decode()))


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_canonical(member) for member in value]
    return value
