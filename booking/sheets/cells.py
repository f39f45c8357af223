"""What a table holds, and which text would be a formula in somebody's spreadsheet."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

Cell = str | int | float | date | datetime | None
"""A moment has its zone and is written on the facility's clock. Numbers stay numbers; nothing is an empty cell."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: a title, a line of headings, rows as long as the headings."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


_STARTS: Final = frozenset("=+-@\u2212")
"""What formulas begin with; the last is the minus of mathematics, which some programs take for the other."""

_SKIPPED: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cn", "Co", "Cs"})
"""Spaces, controls, signs one does not see: programs trim them before they look."""

_NOT_IN_XML: Final = frozenset({"Cs", "Cn"})


def is_formula(text: str) -> bool:
    """Whether some spreadsheet may run a text: it begins with = + - or @, perhaps after spaces or unseen signs.

    Full-width forms count as what they stand for, and so does a tab or a carriage return at the very beginning, by
    which a text falls into the next cell (OWASP, CSV injection).
    """
    if text[:1] in {"\t", "\r", "\n"}:
        return True
    for sign in unicodedata.normalize("NFKC", text):
        if unicodedata.category(sign) not in _SKIPPED:
            return sign in _STARTS
    return False


def plain(text: str) -> str:
    """The text without signs a cell cannot hold: controls and line ends become spaces, broken signs a question mark."""
    if text.isprintable():
        return text
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    category = unicodedata.category(sign)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "?" if category in _NOT_IN_XML else sign
