"""Text as people type it: one form at the door, one form to search by, one order to sort in."""

import re
import unicodedata
from functools import lru_cache

_FULL_WIDTH = re.compile(r"[\uff01-\uff5e]+")
_SPACES = re.compile(r"\s+")

# Zero-width signs that keyboards and copy-paste leave behind. U+200C/D join letters in other scripts, never in ours.
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])

# Marks, overrides and isolates that change the direction of writing: with them a name can be shown as another.
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# The order of the Vietnamese alphabet; within a letter the tones follow the dictionary order.
_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_LETTER_ORDER = {letter: chr(0x41 + index) for index, letter in enumerate(_LETTERS)}


def clean(raw: str) -> str:
    """One line as we store it: NFC, no invisible signs, spaces folded and trimmed.

    NFC and not NFKC: compatibility folding would change what a person wrote. Full-width letters and digits are the
    exception, because a phone number typed on such a keyboard is still that number.
    """
    if raw.isascii():  # codes, numbers, most of what machines send
        return " ".join(raw.split())
    text = unicodedata.normalize("NFC", raw.translate(_INVISIBLE))
    text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _SPACES.sub(" ", text).strip()


def has_control(raw: str) -> bool:
    """Whether a control, unassigned, private or surrogate sign stands in the text, or one that turns its direction."""
    return not raw.isprintable() and any(
        unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs"} or c in _DIRECTIONS for c in raw
    )


def fold(raw: str) -> str:
    """The search key: casefolded, đ as d, without marks, spaces folded. `fold("Thắng Nhì") == "thang nhi"`."""
    decomposed = unicodedata.normalize("NFD", clean(raw).casefold().replace("đ", "d"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def sort_key(name: str) -> str:
    """A key that sorts by given name (the last word) in the order of the Vietnamese alphabet, bytewise (COLLATE "C").

    PostgreSQL may be built without ICU, so the order is computed here and stored.
    """
    words = clean(name).casefold().split(" ")
    given_first = [words[-1], *words[:-1]]
    return " ".join(_word_key(word) for word in given_first)


def plain_sort_key(name: str) -> str:
    """Like `sort_key`, but in the order of the words as written: for places and services."""
    return " ".join(_word_key(word) for word in clean(name).casefold().split(" "))


def _word_key(word: str) -> str:
    pairs = [_letter_key(letter) for letter in unicodedata.normalize("NFC", word)]
    # Letters decide first, tones only between words of the same letters.
    return "".join(letter for letter, _ in pairs) + "!" + "".join(tone for _, tone in pairs)


@lru_cache(maxsize=4096)
def _letter_key(letter: str) -> tuple[str, str]:
    parts = unicodedata.normalize("NFD", letter)
    tone = next((_TONES[part] for part in parts if part in _TONES), "0")
    base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
    return _LETTER_ORDER.get(base, base), tone
