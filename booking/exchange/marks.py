"""Marks by which a row of an export and a booking of ours are seen to be of one person, without saying of whom.

A mark is a hash of a telephone or an identity number under a key that is made for one file and forgotten with it. The
process that reads the file makes the marks of its rows, we those of our own visits; equal ones are one person. Nobody
can compare marks of two files, and no number of anybody leaves the reader.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

PHONE, CITIZEN_ID, INSURANCE = "phone", "citizen_id", "insurance_number"
SORTS: Final = (PHONE, CITIZEN_ID, INSURANCE)
"""Personal values that a mark is made of."""

SIZE: Final = 32
"""Signs of a mark."""

_NOT_DIGITS: Final = re.compile(r"[^0-9]")
_PHONE: Final = 9
"""Digits of a Vietnamese number after its 0."""
_CITIZEN: Final = 12
_INSURED: Final = 10
"""The last digits of a card, which are the person's own."""
_CARD: Final = 15


def marks_of(values: Mapping[str, str], key: bytes) -> tuple[str, ...]:
    """The marks of a person's values; of a value that is no such number there is none."""
    found = (plain for sort, value in values.items() if (plain := _plain(sort, value)) is not None)
    return tuple(blake2b(plain.encode(), key=key, digest_size=SIZE // 2).hexdigest() for plain in found)


def _plain(sort: str, value: str) -> str | None:
    """One spelling of a number, with what it is; None where it is none."""
    text = value.strip()
    digits = _NOT_DIGITS.sub("", text)
    if sort == PHONE:
        return _phone(digits)
    if sort == INSURANCE and len(digits) != _CITIZEN:
        whole = len(digits) == _INSURED or len(re.sub(r"\s", "", text)) == _CARD
        return f"{INSURANCE}:{digits[-_INSURED:]}" if whole and len(digits) >= _INSURED else None
    if len(digits) == _CITIZEN - 1:
        digits = f"0{digits}"  # a spreadsheet ate it
    return f"{CITIZEN_ID}:{digits}" if len(digits) == _CITIZEN else None


def _phone(digits: str) -> str | None:
    for front in ("0084", "84", "0", ""):
        rest = digits.removeprefix(front).removeprefix("0") if digits.startswith(front) else ""
        if len(rest) == _PHONE:
            return f"{PHONE}:{rest}"
    return None
