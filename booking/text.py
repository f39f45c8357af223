"""Text as people type it: one form at the door, one form to search by, one order to sort in."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")

# Zero-width signs that keyboards and copy-paste leave behind. U+200C/D join letters in other scripts, never in ours.
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])

# The order of the Vietnamese alphabet; within a letter the tones follow the dictionary order.
_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_LETTER_ORDER = {letter: chr(0x41 + index) for index, letter in enumerate(_LETTERS)}


def clean(raw: str) -> str:
    """One line as we store it: NFC, no invisible signs, spaces folded and trimmed.

    NFC and not NFKC: compatibility folding would change what a person wrote. Full-width letters and digits are the
    exception, because a phone number typed on such a keyboard is still that number.
    """
    text = unicodedata.normalize("NFC", raw.translate(_INVISIBLE))
    text = "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" else c for c in text)
    return _SPACES.sub(" ", text).strip()


def has_control(raw: str) -> bool:
    """Whether a control, unassigned, private or surrogate sign (or a bidi override) stands in the text."""
    return any(
        unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs"} or c in "\u202a\u202b\u202c\u202d\u202e" for c in raw
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
    letters: list[str] = []
    tones: list[str] = []
    for letter in unicodedata.normalize("NFC", word):
        tone = "0"
        kept = ""
        for part in unicodedata.normalize("NFD", letter):
            if part in _TONES:
                tone = _TONES[part]
            else:
                kept += part
        base = unicodedata.normalize("NFC", kept)
        letters.append(_LETTER_ORDER.get(base, base))
        tones.append(tone)
    # Letters decide first, tones only between words of the same letters.
    return "".join(letters) + "!" + "".join(tones)
