"""The segment counter against a second one, written here from the tables of GSM 03.38 and from what one sign is.

Texts are made of whole signs, so this counter needs no rule for finding them: what is one sign is known beforehand.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from booking.messages.graphemes import graphemes
from booking.messages.segments import cost
from tests.conftest import FULL

MANY = settings(max_examples=400 if FULL else 100, deadline=None)

# GSM 03.38, clause 6.2.1: the default alphabet, row by row from 0x00; 0x1B is the escape to the extension.
TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

PLAIN = [sign for sign in TABLE if sign not in "\x1b\r\n"]
ESCAPED = list(EXTENSION.values())
VIETNAMESE = [
    *"ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹĐƯƠ",
    "a\u0323\u0302",
    "o\u031b\u0301",
    "e\u0302\u0309",
]
PICTURES = [
    "\U0001f600", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\U0001f1fb\U0001f1f3", "1\ufe0f\u20e3",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f469\U0001f3fb\u200d\u2695\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]  # fmt: skip
LETTERS = ["กำ", "ที่", "नि", "र्", "각", "\u1112\u1161\u11ab", "ば", "ﾊﾞ", "中", "ع", "\u0600\u0661"]
LINES = ["\n", "\r"]

gsm_signs = st.sampled_from(PLAIN * 3 + ESCAPED)
all_signs = st.sampled_from(PLAIN + ESCAPED + VIETNAMESE * 2 + PICTURES * 3 + LETTERS * 3 + LINES)


def _parts(signs: list[str]) -> tuple[str, list[list[str]]]:
    """The encoding, and the signs that travel in each segment."""
    gsm = all(sign in TABLE or sign in ESCAPED for sign in signs)

    def bits(sign: str) -> int:
        if gsm:
            return 14 if sign in ESCAPED else 7
        return 8 * len(sign.encode("utf-16-be"))

    room = 140 * 8
    if sum(map(bits, signs)) <= room:
        return ("GSM-7" if gsm else "UCS-2"), [signs] if signs else []
    room -= 6 * 8 + (1 if gsm else 0)  # the header, and in septets the bit that fills it up
    parts: list[list[str]] = [[]]
    for sign in signs:
        if sum(map(bits, parts[-1])) + bits(sign) > room:
            parts.append([])
        parts[-1].append(sign)
    return ("GSM-7" if gsm else "UCS-2"), parts


@MANY
@given(st.lists(all_signs, max_size=200))
@example(["a"] * 69 + ["\U0001f600"])
@example(["a"] * 66 + ["\U0001f468\u200d\U0001f469\u200d\U0001f467"] + ["a"] * 60)
@example(["ê"] * 66 + ["\U0001f1fb\U0001f1f3"] * 20)
def test_any_text_costs_what_the_second_counter_says(signs: list[str]) -> None:
    encoding, parts = _parts(signs)
    counted = cost("".join(signs))
    assert (counted.encoding, counted.segments) == (encoding, len(parts))


@MANY
@given(st.lists(gsm_signs, min_size=140, max_size=330))
@example(["a"] * 152 + ["^"] + ["a"] * 10)
@example(["a"] * 160)
@example(["^"] * 80 + ["a"])
def test_a_plain_text_costs_what_the_second_counter_says(signs: list[str]) -> None:
    encoding, parts = _parts(signs)
    counted = cost("".join(signs))
    assert (counted.encoding, counted.segments) == (encoding, len(parts))
    assert counted.units == len(signs) + sum(sign in ESCAPED for sign in signs)


@MANY
@given(st.lists(all_signs, max_size=60))
def test_no_sign_is_cut_in_two(signs: list[str]) -> None:
    found = list(graphemes("".join(signs)))
    assert found == signs
    assert all("".join(part).encode("utf-16-be") for part in _parts(signs)[1])


def test_control_a_counter_that_cuts_signs_disagrees() -> None:
    text = "ê" * 66 + "\U0001f1fb\U0001f1f3" * 17
    units = len(text.encode("utf-16-be")) // 2
    assert cost(text).segments == len(_parts(list(graphemes(text)))[1]) == 3
    assert -(-units // 67) == 2
