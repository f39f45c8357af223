"""How long codes and sessions live, what six digits look like, whose birth date opens a family. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking.patients.errors import CodeRefused
from booking.patients.rules import Birth
from booking.text import clean

CODE_DIGITS: Final = 6
CODE_LIFE: Final = timedelta(minutes=5)
CODE_TRIES: Final = 5
ASK_AGAIN_AFTER: Final = timedelta(seconds=60)
"""Until then the same question gives the same answer: two taps send one SMS."""

REQUEST_OPEN: Final = timedelta(minutes=30)
"""How long after asking a code may still be read out by the desk."""

READ_OUT_PER_DAY: Final = 5

READ_OUT_TO: Final = 50
"""Browsers that may use what is read out for a number; with `CODE_TRIES` each, 250 guesses at a million."""

BIRTH_TRIES: Final = 3
BIRTH_WINDOW: Final = timedelta(days=1)
"""The tries of a silent number are counted together over this, whatever number of codes it asks for."""

BIRTH_TRIES_IN_ALL: Final = 9
"""After so many wrong dates only a desk that saw papers opens a silent number: years alone are soon guessed."""

_SIGNS_BETWEEN: Final = " .-\u2010\u2011\u2013"
_DIRECTIONS: Final = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@dataclass(frozen=True, slots=True)
class Span:
    """How long a session lives unused, and how old its last note of use must be for a new one."""

    life: timedelta
    renewed_after: timedelta


OWN: Final = Span(timedelta(days=30), timedelta(days=1))
SHARED: Final = Span(timedelta(minutes=30), timedelta(minutes=2))
"""On a telephone others use too. It also ends with the browser."""


def span(*, shared: bool) -> Span:
    """Of a session on a shared telephone, or on one's own."""
    return SHARED if shared else OWN


def bare(raw: str) -> str:
    """What was typed or pasted, without the invisible signs that messages and address books put around numbers."""
    return clean(raw.translate(_DIRECTIONS))


def read_code(raw: str) -> str:
    """Six digits, however they were grouped; full-width digits are digits.

    Raises:
        CodeRefused: with the reason `form`: it is no code.
    """
    digits = "".join(sign for sign in bare(raw) if sign not in _SIGNS_BETWEEN)
    if len(digits) != CODE_DIGITS or not digits.isascii() or not digits.isdecimal():
        raise CodeRefused(field="code", reason="form")
    return digits


def retry_after(asked_at: Sequence[datetime], *, most: int, within: timedelta, now: datetime) -> int | None:
    """Seconds until one more may be asked for; None where it may be now.

    Args:
        asked_at: when the earlier ones were asked for, in any order.
        most: how many are allowed.
        within: in any span of this length: it slides, so that the turn of an hour gives nothing away.
        now: the moment of asking.
    """
    inside = sorted(moment for moment in asked_at if moment > now - within)
    if len(inside) < most:
        return None
    return max(1, int((inside[len(inside) - most] + within - now).total_seconds()) + 1)


def opens_family(typed: Birth, family: Sequence[Birth]) -> bool:
    """Whether somebody who knows this birth date knows the family.

    A year alone is soon guessed, so it counts only where no member's day is known.
    """
    days = {one.day for one in family if one.day is not None}
    if days:
        return typed.day in days
    return typed.year in {one.year for one in family}
