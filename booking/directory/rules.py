"""What plain words mean, and how far away a place is. Pure: values in, values out.

Words are compared whole, never in parts. What is typed without accents fits any word of these letters; an accent that
is typed must be one the word has, wherever in the word it stands, so that "học" is not "hóc" but "hoá" is "hóa".
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from booking.directory.kinds import WordKind
from booking.text import clean

LONGEST_PHRASE = 60
"""Signs a phrase of the table may have."""

SMS_NAME_LONGEST = 22
"""Signs of a facility's name in texts: with more of them some text is two."""

_SMS_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .,'&()/+-]*[A-Za-z0-9.)])?")
"""All of these are one septet each: no accent, and none of the signs that count double."""

_BEGINS = 3
"""Letters from which a word may be the beginning of another."""

_BETWEEN = re.compile(r"[^\w\u0300-\u036f]+|_")
_EARTH_KM = 6371.0088
# People of the South write hỏi for ngã and the other way round: the two count as one accent.
_SAME_ACCENT = {"\u0303": "\u0309"}
_FILLERS = (
    "o tai cho toi muon can bi con be em chau cua va di kham benh tram y te gan dat lich hen minh me bo "
    "at in for my the a to i want need near book"
)
_FILLING = frozenset(_FILLERS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """One word: its bare letters, and its accents with their number, wherever in the word they are typed."""

    bare: str
    accents: Counter[str]

    def fits(self, word: "Token") -> bool:
        """Whether this, as typed, may stand for the word of a phrase."""
        return self.bare == word.bare and all(self.accents[each] <= word.accents[each] for each in self.accents)


def tokens(raw: str) -> list[Token]:
    """The words of a text."""
    return [_token(part) for part in _parts(raw)]


def _parts(raw: str) -> list[str]:
    """Signs between words mean nothing, nor do accents without a letter; ð, the look-alike of đ, is đ."""
    text = unicodedata.normalize("NFC", clean(raw).casefold()).replace("ð", "đ")
    return [part for part in _BETWEEN.split(text) if any(sign.isalnum() for sign in part)]


def phrase(raw: str) -> str:
    """A phrase as the table keeps it: its words in small letters, accents and all, one space between them."""
    return " ".join(_parts(raw))


def _token(word: str) -> Token:
    accents: Counter[str] = Counter()
    letters = []
    for sign in unicodedata.normalize("NFD", word):
        if unicodedata.combining(sign):
            accents[_SAME_ACCENT.get(sign, sign)] += 1
        elif sign == "đ":
            accents["đ"] += 1
            letters.append("d")
        else:
            letters.append(sign)
    return Token("".join(letters), accents)


def bare(raw: str) -> str:
    """The words of a text in bare letters, one space between them."""
    return " ".join(token.bare for token in tokens(raw))


@dataclass(frozen=True, slots=True)
class Word:
    """A row of the table: a phrase and what it leads to."""

    kind: WordKind
    phrase: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """What was found in a text.

    Attributes:
        emergency: phrases of an emergency; where there is one, nothing else matters.
        services: codes of services, those that more words speak for first.
        papers: papers that were named.
        text: the text with each word that has another for the same replaced by it, in bare letters.
        rest: what of `text` is neither understood nor filling: perhaps a name.
    """

    emergency: tuple[str, ...]
    services: tuple[str, ...]
    papers: tuple[str, ...]
    text: str
    rest: str


class _Phrases:
    """Phrases by their first word."""

    def __init__(self, words: Iterable[Word]) -> None:
        self._by_first: dict[str, list[tuple[tuple[Token, ...], Word]]] = defaultdict(list)
        for word in words:
            if parts := _phrase_tokens(word.phrase):
                self._by_first[parts[0].bare].append((parts, word))

    def longest(self, typed: Sequence[Token], start: int) -> tuple[int, list[Word]]:
        """The longest phrase that begins at `start`: how many words it has, and all it leads to."""
        found: list[tuple[int, Word]] = [
            (len(parts), word)
            for parts, word in self._by_first.get(typed[start].bare, ())
            if _fits(typed[start : start + len(parts)], parts)
        ]
        most = max((length for length, _ in found), default=0)
        return most, [word for length, word in found if length == most]


@lru_cache(maxsize=4096)
def _phrase_tokens(words: str) -> tuple[Token, ...]:
    return tuple(tokens(words))


def _fits(typed: Sequence[Token], parts: Sequence[Token]) -> bool:
    if len(typed) != len(parts):
        return False
    # A phrase of several words without one accent was entered so: it stands for what has accents too.
    loose = len(parts) > 1 and not any(part.accents for part in parts)
    pairs = zip(typed, parts, strict=True)
    return all(one.bare == part.bare if loose else one.fits(part) for one, part in pairs)


def understand(raw: str, words: Sequence[Word]) -> Understood:
    """What the words of a text lead to. Of phrases that overlap the longest one counts."""
    typed = tokens(raw)
    phrases = _Phrases(word for word in words if word.kind is not WordKind.EMERGENCY)
    services: Counter[str] = Counter()
    papers: dict[str, None] = {}
    text: list[str] = []
    rest: list[str] = []
    start = 0
    while start < len(typed):
        length, found = phrases.longest(typed, start)
        said = [token.bare for token in typed[start : start + max(length, 1)]]
        replaced = next((bare(word.target).split() for word in found if word.kind is WordKind.SAME), None)
        services.update(word.target for word in found if word.kind is WordKind.SERVICE)
        papers |= {word.target: None for word in found if word.kind is WordKind.PAPER}
        text += replaced or said
        rest += replaced or ([] if found else said)
        start += len(said)
    return Understood(
        emergency=_emergencies(typed, words),
        # most_common keeps the order of the table where as many words speak for one as for another.
        services=tuple(code for code, _ in services.most_common()),
        papers=tuple(papers),
        text=" ".join(text),
        rest=" ".join(part for part in rest if part not in _FILLING),
    )


def _emergencies(typed: Sequence[Token], words: Sequence[Word]) -> tuple[str, ...]:
    """Every phrase of an emergency, whatever other phrase it overlaps."""
    phrases = _Phrases(word for word in words if word.kind is WordKind.EMERGENCY)
    found: dict[str, None] = {}
    for start in range(len(typed)):
        found |= {word.phrase: None for word in phrases.longest(typed, start)[1]}
    return tuple(found)


def names(text: str, searched: str) -> bool:
    """Whether each word of `text` begins one of `searched`, both in bare letters.

    A number, and a word of one or two letters, must be the whole word: Phường 1 is not Phường 12, ho not họng.
    """
    there = searched.split()
    return all(
        any(word == part if word.isdecimal() or len(word) < _BEGINS else part.startswith(word) for part in there)
        for word in text.split()
    )


@dataclass(frozen=True, slots=True)
class Position:
    """A place on earth, in degrees; rounded to about a hundred metres, which is enough to choose a place by."""

    latitude: float
    longitude: float


def read_position(latitude: str, longitude: str) -> Position | None:
    """A position as a form sends it; None when it is none."""
    try:
        north, east = float(latitude), float(longitude)
    except ValueError:
        return None
    if not (-90 <= north <= 90 and -180 <= east <= 180):  # noqa: PLR2004  degrees; false for NaN too
        return None
    return Position(round(north, 3), round(east, 3))


def distance_km(one: Position, other: Position) -> float:
    """As the crow flies, in kilometres."""
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((other_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def is_sms_name(name: str) -> bool:
    """Whether a facility may be called so in texts: every text stays one segment, and nothing in it is replaced."""
    return len(name) <= SMS_NAME_LONGEST and _SMS_NAME.fullmatch(name) is not None
