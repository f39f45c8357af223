"""The segment counter, against answers taken from the provider's own calculator (sms-segments-calculator 1.3.0)."""

import pytest

from booking.messages.segments import GSM_BASIC, GSM_EXTENSION, cost, is_gsm

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1fb\U0001f1f3"
THUMB = "\U0001f44d\U0001f3fd"

JUDGED = [
    ("a" * 160, "GSM-7", 1),
    ("a" * 161, "GSM-7", 2),
    ("a" * 306, "GSM-7", 2),
    ("a" * 307, "GSM-7", 3),
    ("^" * 80, "GSM-7", 1),
    ("^" * 81, "GSM-7", 2),
    ("a" * 152 + "^" + "a" * 10, "GSM-7", 2),
    ("€" * 80, "GSM-7", 1),
    ("€" * 81, "GSM-7", 2),
    ("a" * 159 + "\n", "GSM-7", 1),
    ("\r\n" * 80, "GSM-7", 1),
    ("\r\n" * 81, "GSM-7", 2),
    ("Ç" * 160, "GSM-7", 1),
    ("ç", "UCS-2", 1),
    ("`", "UCS-2", 1),
    ("ç" * 70, "UCS-2", 1),
    ("ç" * 71, "UCS-2", 2),
    ("ç" * 134, "UCS-2", 2),
    ("ç" * 135, "UCS-2", 3),
    ("Hẹn khám 07:30", "UCS-2", 1),
    ("e\u0301" * 35, "UCS-2", 1),
    ("e\u0301" * 36, "UCS-2", 2),
    ("a" * 66 + "e\u0301" + "a" * 60, "UCS-2", 2),
    ("\U0001f600" * 35, "UCS-2", 1),
    ("\U0001f600" * 36, "UCS-2", 2),
    ("a" * 66 + "\U0001f600" + "a" * 10, "UCS-2", 2),
    (FAMILY * 8, "UCS-2", 1),
    (FAMILY * 9, "UCS-2", 2),
    (FLAG * 17, "UCS-2", 1),
    (FLAG * 18, "UCS-2", 2),
    (THUMB * 18, "UCS-2", 2),
    ("Thang Nhi", "GSM-7", 1),
    ("\u1112\u1161\u11ab" * 23, "UCS-2", 1),
    ("\u1112\u1161\u11ab" * 24, "UCS-2", 2),
    ("\u1112\u1161\u11ab" * 46, "UCS-2", 3),
    ("\u0e01\u0e33" * 36, "UCS-2", 2),
    ("\u0928\u093f" * 68, "UCS-2", 3),
    ("\u0600\u0661" * 68, "UCS-2", 3),
    ("\U0001f469\U0001f3fb\u200d\u2695" * 20, "UCS-2", 2),
    ("a" * 66 + "\r\n" * 3 + "\u1e5b", "UCS-2", 2),
    ("a" * 70 + "\u0301" * 10, "UCS-2", 2),
    ("\uff8a\uff9e" * 68, "UCS-2", 3),
    ("a\u200bb\u2028" * 20, "UCS-2", 2),
    ("\U0001f600" + "\u0301" * 140, "UCS-2", 2),
]


@pytest.mark.parametrize(("text", "encoding", "segments"), JUDGED, ids=range(len(JUDGED)))
def test_it_agrees_with_the_providers_calculator(text: str, encoding: str, segments: int) -> None:
    counted = cost(text)
    assert (counted.encoding, counted.segments) == (encoding, segments)


def test_the_alphabet_is_complete() -> None:
    assert (len(GSM_BASIC), len(GSM_EXTENSION)) == (127, 10)  # 128 places less the escape
    assert GSM_BASIC.isdisjoint(GSM_EXTENSION)
    assert is_gsm("".join(GSM_BASIC | GSM_EXTENSION))
    assert [sign for sign in "çêđ`\t\x00" if is_gsm(sign)] == []


def test_an_empty_text_costs_nothing_and_an_odd_one_does_not_fall_over() -> None:
    assert cost("").segments == 0
    assert cost("\ud800").segments == 1
