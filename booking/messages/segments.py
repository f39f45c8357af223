"""How many SMS segments a text costs, counted as Twilio counts.

A text of GSM-7 signs has 160 septets in one segment and 153 in each of several (6 bytes of each go to the header that
joins them); signs of the extension table take two. One sign outside makes the whole text UCS-2: 70 units of 16 bits,
67 in each of several. What a reader sees as one sign is never cut in two.

Clusters are found by the marks, joiners and flags that occur in texts; the full rules of Unicode (UAX 29, such as
Hangul letters written one by one) would only matter at the very edge of a segment of UCS-2.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each. There is a Ç and no ç, an é and no ê."""

GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Two septets each."""

_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a text costs: its encoding, its units (septets or 16-bit units) and its segments."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def is_gsm(text: str) -> bool:
    """Whether every sign is in the GSM-7 alphabet or its extension."""
    return all(sign in GSM_BASIC or sign in GSM_EXTENSION for sign in text)


def cost(text: str) -> Cost:
    """Count a text; the empty one costs nothing."""
    if is_gsm(text):
        sizes = [1 + (sign in GSM_EXTENSION) for sign in text]
        return Cost("GSM-7", sum(sizes), _segments(sizes, alone=160, joined=153))
    sizes = [len(cluster.encode("utf-16-le", "surrogatepass")) // 2 for cluster in _clusters(text)]
    return Cost("UCS-2", sum(sizes), _segments(sizes, alone=70, joined=67))


def _segments(sizes: list[int], *, alone: int, joined: int) -> int:
    if sum(sizes) <= alone:
        return 1 if sizes else 0
    segments, left = 1, joined
    for size in sizes:
        if size > left:
            segments, left = segments + 1, joined
        left -= size
    return segments


def _clusters(text: str) -> Iterator[str]:
    cluster = ""
    for sign in text:
        if cluster and not _joins(cluster, sign):
            yield cluster
            cluster = ""
        cluster += sign
    if cluster:
        yield cluster


def _joins(cluster: str, sign: str) -> bool:
    before, code = cluster[-1], ord(sign)
    if before in "\r\n" or sign in "\r\n":
        return before == "\r" and sign == "\n"
    if code in _FLAG_LETTERS and ord(before) in _FLAG_LETTERS:
        return len(cluster) == 1  # flags are pairs
    extends = unicodedata.category(sign) in {"Mn", "Me", "Mc"} or code in _SKIN_TONES or code in _TAGS
    return extends or sign == _JOINER or (before == _JOINER and unicodedata.category(sign) == "So")
