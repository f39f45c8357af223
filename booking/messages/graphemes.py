"""What a reader sees as one sign, by the rules of Unicode 10 (UAX 29), which are those of the provider's calculator.

Nothing is said of what no writing system has, such as a skin tone that follows no person: there the calculator itself
has no rule.
"""

import unicodedata
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final


class _Sort(Enum):
    """How a sign behaves at its neighbour."""

    OTHER = auto()
    CONTROL = auto()
    EXTENDS = auto()  # belongs to what is before it
    JOINER = auto()
    PREPENDED = auto()  # belongs to what is after it
    FLAG = auto()  # half of a flag
    PERSON = auto()  # takes a skin tone
    TONE = auto()
    GLUED = auto()  # one with what is before a joiner
    FAMILY = auto()  # a person that is glued as well
    LEADING = auto()  # letters of Hangul, and its syllables without and with a final
    VOWEL = auto()
    TRAILING = auto()
    OPEN = auto()
    CLOSED = auto()


_RANGES: Final = {
    _Sort.JOINER: ((0x200D, 0x200D),),
    _Sort.EXTENDS: ((0x200C, 0x200C), (0xFF9E, 0xFF9F), (0xE0020, 0xE007F)),
    _Sort.PREPENDED: (
        (0x0600, 0x0605), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x08E2, 0x08E2), (0x0D4E, 0x0D4E), (0x110BD, 0x110BD),
        (0x111C2, 0x111C3), (0x11A3A, 0x11A3A), (0x11A86, 0x11A89), (0x11D46, 0x11D46),
    ),
    _Sort.FLAG: ((0x1F1E6, 0x1F1FF),),
    _Sort.TONE: ((0x1F3FB, 0x1F3FF),),
    _Sort.FAMILY: ((0x1F466, 0x1F469),),
    _Sort.PERSON: (
        (0x261D, 0x261D), (0x26F9, 0x26F9), (0x270A, 0x270D), (0x1F385, 0x1F385), (0x1F3C2, 0x1F3C4),
        (0x1F3C7, 0x1F3C7), (0x1F3CA, 0x1F3CC), (0x1F442, 0x1F443), (0x1F446, 0x1F450), (0x1F46E, 0x1F46E),
        (0x1F470, 0x1F478), (0x1F47C, 0x1F47C), (0x1F481, 0x1F483), (0x1F485, 0x1F487), (0x1F4AA, 0x1F4AA),
        (0x1F574, 0x1F575), (0x1F57A, 0x1F57A), (0x1F590, 0x1F590), (0x1F595, 0x1F596), (0x1F645, 0x1F647),
        (0x1F64B, 0x1F64F), (0x1F6A3, 0x1F6A3), (0x1F6B4, 0x1F6B6), (0x1F6C0, 0x1F6C0), (0x1F6CC, 0x1F6CC),
        (0x1F918, 0x1F91C), (0x1F91E, 0x1F91F), (0x1F926, 0x1F926), (0x1F930, 0x1F939), (0x1F93D, 0x1F93E),
        (0x1F9D1, 0x1F9DD),
    ),
    _Sort.GLUED: (
        (0x2640, 0x2640), (0x2642, 0x2642), (0x2695, 0x2696), (0x2708, 0x2708), (0x2764, 0x2764), (0x1F308, 0x1F308),
        (0x1F33E, 0x1F33E), (0x1F373, 0x1F373), (0x1F393, 0x1F393), (0x1F3A4, 0x1F3A4), (0x1F3A8, 0x1F3A8),
        (0x1F3EB, 0x1F3EB), (0x1F3ED, 0x1F3ED), (0x1F48B, 0x1F48B), (0x1F4BB, 0x1F4BC), (0x1F527, 0x1F527),
        (0x1F52C, 0x1F52C), (0x1F5E8, 0x1F5E8), (0x1F680, 0x1F680), (0x1F692, 0x1F692),
    ),
    _Sort.LEADING: ((0x1100, 0x115F), (0xA960, 0xA97C)),
    _Sort.VOWEL: ((0x1160, 0x11A7), (0xD7B0, 0xD7C6)),
    _Sort.TRAILING: ((0x11A8, 0x11FF), (0xD7CB, 0xD7FB)),
}  # fmt: skip

_SYLLABLES: Final = range(0xAC00, 0xD7A4)
_FINALS: Final = 28
"""Each first syllable of so many has no final."""

_SPACING: Final = frozenset({0x0E33, 0x0EB3})
"""Vowels of Thai and Lao that are letters by name and marks by use."""

_CLUSTERS: Final = {
    _Sort.LEADING: {_Sort.LEADING, _Sort.VOWEL, _Sort.OPEN, _Sort.CLOSED},
    _Sort.OPEN: {_Sort.VOWEL, _Sort.TRAILING},
    _Sort.VOWEL: {_Sort.VOWEL, _Sort.TRAILING},
    _Sort.CLOSED: {_Sort.TRAILING},
    _Sort.TRAILING: {_Sort.TRAILING},
    _Sort.JOINER: {_Sort.GLUED, _Sort.FAMILY},
}
"""What belongs to the sign right before it."""


def graphemes(text: str) -> Iterator[str]:
    """The signs of a text, as a reader counts them; a line feed after its carriage return is one of its own."""
    cluster, sorts = "", list[_Sort]()
    for sign in text:
        sort = _sort(sign)
        if cluster and not _joins(sorts, sort):
            yield cluster
            cluster, sorts = "", []
        cluster += sign
        sorts.append(sort)
    if cluster:
        yield cluster


def _joins(sorts: list[_Sort], sort: _Sort) -> bool:
    before = sorts[-1]
    if _Sort.CONTROL in (before, sort):
        return False
    if sort in (_Sort.EXTENDS, _Sort.JOINER) or before is _Sort.PREPENDED:
        return True
    if sort is _Sort.FLAG:
        return before is _Sort.FLAG and sorts.count(_Sort.FLAG) == 1
    if sort is _Sort.TONE:
        base = next((one for one in reversed(sorts) if one is not _Sort.EXTENDS), None)
        return base in (_Sort.PERSON, _Sort.FAMILY)
    return sort in _CLUSTERS.get(before, ())


@lru_cache(maxsize=4096)
def _sort(sign: str) -> _Sort:
    code = ord(sign)
    if code in _SYLLABLES:
        return _Sort.OPEN if (code - _SYLLABLES.start) % _FINALS == 0 else _Sort.CLOSED
    for sort, ranges in _RANGES.items():
        if any(first <= code <= last for first, last in ranges):
            return sort
    if code in _SPACING:
        return _Sort.EXTENDS
    category = unicodedata.category(sign)
    if category in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return _Sort.CONTROL
    return _Sort.EXTENDS if category in {"Mn", "Me", "Mc"} else _Sort.OTHER
