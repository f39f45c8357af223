"""What a carrier's own gateway tells afterwards, by its template. Sending (`brandname`) needs more, so it is apart."""

import hmac
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from booking.sms.gateway import Callback, Fault
from booking.sms.template import ReceiptRule
from booking.sms.wording import Place, UnreadableError, fields_of

NAME_LONGEST: Final = 64
_CODE_LONGEST: Final = 9


def callback_in(rule: ReceiptRule, secret: str, headers: Mapping[str, str], body: bytes) -> Callback | None:
    """A callback that carries the secret; None where it does not.

    Raises:
        UnreadableError: it carries the secret and makes no sense.
    """
    where, _, name = rule.secret.partition(":")
    if where == "header" and not _same(headers.get(name.lower(), ""), secret):
        return None  # before anything of it is read
    try:
        fields = fields_of(body.decode("utf-8"), Place(rule.kind))
    except ValueError:
        if where == "field":
            return None
        raise UnreadableError from None
    if where == "field" and not _same(fields.get(name, ""), secret):
        return None
    word = fields.get(rule.status)
    if word is None:
        raise UnreadableError
    mine = fields.get(rule.id, "") if rule.id is not None else ""
    sid = fields.get(rule.sid, "") if rule.sid is not None else ""
    code = fields.get(rule.code) if rule.code is not None else None
    # A word that is not listed is kept as it came, and moves nothing.
    said = rule.states.get(word, f"? {word}")
    named = _storable(sid or mine)[:NAME_LONGEST]
    return Callback(_uuid(mine), named, _storable(said)[:NAME_LONGEST], number_in(code), _fault(rule, word, code))


def _fault(rule: ReceiptRule, word: str, code: str | None) -> Fault | None:
    """Whose fault a failure is, by its code, or by its word where no code is told; doubtful where nothing says so."""
    if not rule.fails(word):
        return None
    key = word if rule.code is None else code or ""
    return rule.faults.get(key) or rule.faults.get("*", Fault.DOUBTFUL)


def _storable(text: str) -> str:
    """Without what no database takes: half a sign, or a NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _same(found: str, secret: str) -> bool:
    return hmac.compare_digest(found.encode("utf-8", "surrogatepass"), secret.encode())


def number_in(code: str | None) -> int | None:
    """A code as a number; None where it is none, or too long for the database."""
    fits = code is not None and code.isascii() and code.isdigit() and len(code) <= _CODE_LONGEST
    return int(code) if code is not None and fits else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
