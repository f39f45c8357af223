"""How many SMS segments a text costs, counted as Twilio counts.

A text of GSM-7 signs has 160 septets in one segment and 153 in each of several (6 bytes of each go to the header that
joins them); signs of the extension table take two. One sign outside makes the whole text UCS-2: 70 units of 16 bits,
67 in each of several. What a reader sees as one sign is never cut in two.

What a reader sees as one sign: `graphemes`.
"""

from dataclasses import dataclass
from typing import Final, Literal

from booking.messages.graphemes import graphemes

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each. There is a Ç and no ç, an é and no ê."""

GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Two septets each."""


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
    sizes = [len(cluster.encode("utf-16-le", "surrogatepass")) // 2 for cluster in graphemes(text)]
    return Cost("UCS-2", sum(sizes), _segments(sizes, alone=70, joined=67))


def _segments(sizes: list[int], *, alone: int, joined: int) -> int:
    """How many segments signs of these sizes take, filled from the front, no sign divided.

    The first is filled as if it were the only one. Where it is not, what its header has no room for goes into the
    second, together with the sign that was too much, whatever they take: so the provider counts.
    """
    kept, end = 0, 0
    while end < len(sizes) and kept + sizes[end] <= alone:
        kept, end = kept + sizes[end], end + 1
    if end == len(sizes):
        return 1 if sizes else 0
    moved = end
    while kept > joined:
        moved -= 1
        kept -= sizes[moved]
    segments, left = 2, joined - sum(sizes[moved : end + 1])
    for size in sizes[end + 1 :]:
        if size > left:
            segments, left = segments + 1, joined
        left -= size
    return segments
