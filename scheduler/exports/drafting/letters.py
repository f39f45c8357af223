"""In which encoding the letters of a file make Vietnamese words. Evidence is letters and counts, never words."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scheduler.exports.drafting.finding import CannotTellError, Guess
from scheduler.exports.fonts import from_tcvn3, from_vni

_TONES: Final = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_ONSETS: Final = "ngh|ng|nh|gh|gi|ch|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx]"
_RIMES: Final = (
    "a(?:[oiyum]|ch|nh|ng|[cpt]|n)?", "ă(?:ng|[cmnpt])", "â(?:ng|[cmnptuy])", "e(?:[om]|ng|[cnpt])?",
    "ê(?:u|ch|nh|[mnpt])?", "i(?:[au]|ch|nh|[mnpt]|êng|ê[cmnptu])?", "y(?:êng|ê[mntu]|nh|ch|t|n)?",
    "o(?:[i]|ng|ong|[cmnpt]|a(?:ch|nh|ng|[cimnopty])?|ă(?:ng|[cmnt])|e(?:[nomt]|ng)?)?", "ô(?:i|ng|[cmnpt])?",
    "ơ(?:[imnpt])?",
    "u(?:[aiy]|ng|[cmnpt]|â(?:ng|[nty])|ê(?:ch|nh)?|ô(?:ng|[cimnt])|ơ|y(?:ê[nt]|nh|ch|u|a|t|p|n)|ya)?",
    "ư(?:[aiu]|ng|[cmt]|ơ(?:ng|[cimnptu]))?",
)  # fmt: skip
_SYLLABLE: Final = re.compile(f"(?:{_ONSETS})?(?:{'|'.join(_RIMES)}|uă(?:ng|[cnt])|ue|ui|uyê[nt])")
_EDGES: Final = re.compile(r"[\s!-/:-@\[-`{-~0-9]+")
_WORDS_LOOKED_AT: Final = 5000
_ENOUGH_WORDS: Final = 4
_SURE: Final = 0.85
_MARGIN: Final = 0.25
_SHOWN: Final = 12
_HEAD: Final = 400_000

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a file, as far as it can be told, and the guess of its encoding."""

    text: str
    guess: Guess


def is_syllable(word: str) -> bool:
    """Whether a word could be Vietnamese: an onset, a rime, one tone at most."""
    parts = unicodedata.normalize("NFD", word.casefold())
    if sum(ord(part) in _TONES for part in parts) > 1:
        return False
    bare = unicodedata.normalize("NFC", parts.translate(_TONES))
    return _SYLLABLE.fullmatch(bare) is not None


def read(data: bytes) -> Written:
    """The text and its encoding.

    Raises:
        CannotTellError: the bytes are no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _marked(data, mark, name)
    order = _order_without_mark(data)
    if order is not None:
        why = "no byte order mark, but every second byte is zero or nearly so"
        return Written(_decoded(data, order), Guess(order, (why, _seen(_decoded(data[:_HEAD], order)))))
    if b"\0" in data[:_HEAD]:
        raise CannotTellError("it holds zero bytes: no text that a feed can read")
    if data.isascii():
        why = "only plain letters without accents: every encoding would read them alike"
        return Written(data.decode("ascii"), Guess("utf-8", (why,)))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data)
    return _utf8(text)


def _marked(data: bytes, mark: bytes, name: str) -> Written:
    text = _decoded(data, {"utf-8": "utf-8-sig"}.get(name, name))
    found = _utf8(text)
    inner = "" if found.guess.value == "utf-8" else str(found.guess.value or "")
    if name == "utf-8":
        why = "it begins with the byte order mark of UTF-8"
        return found if inner else Written(text, Guess("utf-8", (why, _seen(text))))
    del mark
    return Written(text, Guess(name, (f"it begins with a byte order mark of {name.upper()}", _seen(text))))


def _decoded(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise CannotTellError(
            f"it looks like {codec} but is not: byte {error.start} is wrong, or it was cut off"
        ) from error


def _order_without_mark(data: bytes) -> str | None:
    head = data[: _HEAD - _HEAD % 2]
    if len(head) < 8:  # noqa: PLR2004  too few to tell
        return None
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.2 and even < 0.02:  # noqa: PLR2004  shares of zero bytes
        return "utf-16-le"
    return "utf-16-be" if even > 0.2 and odd < 0.02 else None  # noqa: PLR2004


def _utf8(text: str) -> Written:
    plain, words = _share(text)
    ways: dict[str, Callable[[str], str]] = {"tcvn3-in-utf-8": from_tcvn3, "vni-in-utf-8": from_vni}
    mended = {name: mend(text) for name, mend in ways.items()}
    shares = {name: _share(found)[0] for name, found in mended.items()}
    best = max(shares, key=lambda name: shares[name])
    if words >= _ENOUGH_WORDS and plain < 0.6 and shares[best] >= _SURE and _clear(shares):  # noqa: PLR2004
        why = f"valid UTF-8, but its accented words are Vietnamese only after turning the old font ({shares[best]:.0%})"
        return Written(mended[best], Guess(best, (why, _seen(mended[best]))))
    if words >= _ENOUGH_WORDS and plain < 0.6 and shares[best] > plain + _MARGIN:  # noqa: PLR2004
        why = "valid UTF-8, but few of its accented words are Vietnamese: text of an old font, perhaps"
        return Written(text, Guess(None, (why,), (best, "utf-8")))
    return Written(text, Guess("utf-8", ("its bytes are valid UTF-8, accented letters included", _seen(text))))


def _legacy(data: bytes) -> Written:
    texts: dict[str, str] = {}
    for name, codec in (("windows-1258", "cp1258"), ("windows-1252", "cp1252")):
        try:
            texts[name] = unicodedata.normalize("NFC", data.decode(codec))
        except UnicodeDecodeError:
            continue
    signs = data.decode("latin-1")
    texts |= {"tcvn3": from_tcvn3(signs), "vni": from_vni(signs)}
    if texts.get("windows-1252") == texts.get("windows-1258"):
        texts.pop("windows-1252", None)
    shares = {name: _share(text)[0] for name, text in texts.items()}
    order = sorted(shares, key=lambda name: -shares[name])
    best, words = order[0], _share(texts[order[0]])[1]
    told = ", ".join(f"{name} {shares[name]:.0%}" for name in order)
    why = f"not UTF-8; of {words} different accented words so many could be Vietnamese: {told}"
    if words >= _ENOUGH_WORDS and shares[best] >= _SURE and _clear(shares):
        return Written(texts[best], Guess(best, (why, _seen(texts[best]))))
    return Written(texts[best], Guess(None, (why,), tuple(order[:3])))


def _clear(shares: dict[str, float]) -> bool:
    first, *others = sorted(shares.values(), reverse=True)
    return not others or first - others[0] >= _MARGIN


def _share(text: str) -> tuple[float, int]:
    """Share of the different accented words that could be Vietnamese, and how many there are."""
    words: set[str] = set()
    for word in _EDGES.split(unicodedata.normalize("NFC", text[:_HEAD])):
        if word and not word.isascii():
            words.add(word)
            if len(words) >= _WORDS_LOOKED_AT:
                break
    return (sum(map(is_syllable, words)) / len(words) if words else 0.0), len(words)


def _seen(text: str) -> str:
    """The letters that appear, as counts: they tell nothing of a person."""
    composed = unicodedata.normalize("NFC", text[:_HEAD])
    letters = Counter(sign for sign in composed.casefold() if not sign.isascii() and sign.isalpha())
    listed = ", ".join(f"{letter} {count}" for letter, count in letters.most_common(_SHOWN))
    return f"letters seen: {listed}" if listed else "no accented letters seen"
