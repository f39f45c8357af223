"""Encrypted columns, blind indexes and link tokens: what a stolen dump must not show.

Values are sealed with AES-256-GCM under a fresh nonce, the key's id in front so that keys can be rotated. Exact search
goes through a blind index: a keyed hash (BLAKE2b, RFC 7693) of the normalised value. Keys are derived from one secret
with HKDF, one per purpose, so that an index never helps against a cipher.
"""

import base64
import hmac
import os
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

_NONCE = 12
_TOKEN_BYTES = 20  # 160 bits; at least 128 are asked for


class UnsealError(Exception):
    """The value was sealed with a key we do not have, or was changed."""


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"henkham/{purpose}".encode()).derive(secret)


@dataclass(frozen=True)
class Keyring:
    """All keys of the service, derived from secrets of at least 32 bytes.

    Attributes:
        secrets: key id → secret; the first one seals, all of them unseal.
        index_secret: for blind indexes and link tokens; it cannot be rotated without rewriting them.
    """

    secrets: dict[str, bytes] = field(repr=False)
    index_secret: bytes = field(repr=False)

    def seal(self, plain: str) -> bytes:
        """Key id, a zero byte, nonce, cipher text and tag."""
        return self.seal_bytes(plain.encode())

    def seal_bytes(self, plain: bytes) -> bytes:
        """The same of bytes that are no text."""
        key_id, cipher = _ciphers(self)[0]
        nonce = os.urandom(_NONCE)
        return key_id + b"\0" + nonce + cipher.encrypt(nonce, plain, key_id)

    def unseal(self, sealed: bytes) -> str:
        """The plain value; UnsealError when no key of ours opens it."""
        try:
            return self.unseal_bytes(sealed).decode()
        except UnicodeDecodeError as error:
            raise UnsealError("not text") from error

    def unseal_bytes(self, sealed: bytes) -> bytes:
        """The same of bytes that are no text."""
        key_id, _, rest = sealed.partition(b"\0")
        for known, cipher in _ciphers(self):
            if known == key_id:
                try:
                    return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], key_id)
                except (InvalidTag, ValueError):  # changed; cut short
                    break
        raise UnsealError(key_id.decode(errors="replace"))

    def index(self, purpose: str, value: str) -> bytes:
        """Blind index of a normalised value: 32 bytes, equal for equal values of one purpose."""
        return blake2b(value.encode(), key=_index_key(self, purpose), digest_size=32).digest()

    def signs(self) -> dict[tuple[str, str], bytes]:
        """A sign of each key, by its kind and id: equal for equal keys, and no help against any of them."""
        found = {("seal", key_id): _sign(secret, "check/seal") for key_id, secret in self.secrets.items()}
        return found | {("index", ""): _sign(self.index_secret, "check/index")}

    def link_token(self, appointment: str, version: int) -> str:
        """The token that opens one appointment: 160 bits of a keyed hash, rebuilt when needed and never stored."""
        mac = blake2b(f"{appointment}:{version}".encode(), key=_index_key(self, "link"), digest_size=_TOKEN_BYTES)
        return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")

    def token_fits(self, token: str, appointment: str, version: int) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(token.encode(), self.link_token(appointment, version).encode())

    def __hash__(self) -> int:
        return hash(self.index_secret)


@lru_cache(maxsize=32)
def _sign(secret: bytes, purpose: str) -> bytes:
    return blake2b(b"henkham", key=_derive(secret, purpose), digest_size=32).digest()


@lru_cache(maxsize=8)
def _ciphers(ring: Keyring) -> list[tuple[bytes, AESGCM]]:
    return [(key_id.encode(), AESGCM(_derive(secret, "seal"))) for key_id, secret in ring.secrets.items()]


@lru_cache(maxsize=64)
def _index_key(ring: Keyring, purpose: str) -> bytes:
    return _derive(ring.index_secret, f"index/{purpose}")


_installed: list[Keyring] = []


def install(ring: Keyring) -> None:
    """Give this process its keys; done once while starting, before the first query."""
    _installed[:] = [ring]


def keys() -> Keyring:
    """The keys of this process; RuntimeError before `install`."""
    if not _installed:
        raise RuntimeError("no keys installed: call booking.sealed.install(settings.keyring()) while starting")
    return _installed[0]


class Sealed(TypeDecorator[str]):
    """A text column kept encrypted (`bytea`). Nothing can be searched through it; that is its blind index's work."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Seal on the way in."""
        return None if value is None else keys().seal(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Unseal on the way out; UnsealError when it cannot be."""
        return None if value is None else keys().unseal(value)
