"""Codes and numbers as keyboards, messages and address books give them: full-width, grouped, with invisible signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.patients.errors import CodeRefused, PhoneRefused
from booking.patients.rules import read_phone
from booking.patients.signing_rules import bare, read_code

DIGITS = st.text("0123456789", min_size=6, max_size=6)
INVISIBLE = st.sampled_from([*"\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u202d\u2066\u2069"])
SPACES = st.sampled_from(["", " ", "\u00a0", "\u2009", "\u202f", "\u3000"])


@st.composite
def _odd(draw: st.DrawFn, digits: str) -> str:
    """The digits, each perhaps full-width, with signs between them that nobody sees."""
    parts = []
    for digit in digits:
        wide = draw(st.booleans())
        parts.append(chr(ord(digit) + 0xFEE0) if wide else digit)
        parts.append(draw(st.one_of(st.just(""), INVISIBLE)))
    return draw(SPACES) + "".join(parts) + draw(SPACES)


@given(st.data(), DIGITS)
def test_a_code_is_read_through_what_nobody_sees(data: st.DataObject, digits: str) -> None:
    assert read_code(data.draw(_odd(digits))) == digits


@given(DIGITS, st.integers(1, 5), SPACES)
def test_a_code_may_be_grouped(digits: str, cut: int, space: str) -> None:
    assert read_code(digits[:cut] + space + digits[cut:]) == digits


@given(st.text(max_size=30))
def test_whatever_is_typed_is_six_digits_or_refused(raw: str) -> None:
    try:
        found = read_code(raw)
    except CodeRefused:
        return
    assert len(found) == 6
    assert found.isascii()
    assert found.isdecimal()


@given(st.data(), st.text("0123456789", min_size=6, max_size=6))
def test_a_number_is_read_through_what_nobody_sees(data: st.DataObject, tail: str) -> None:
    assert read_phone(bare(data.draw(_odd("0903" + tail)))).e164 == f"+84903{tail}"


def test_an_address_book_s_signs_would_hide_a_number() -> None:
    """The control: without `bare` a number pasted from a message is refused."""
    pasted = "\u202d0903123456\u202c"
    assert read_phone(bare(pasted)).e164 == "+84903123456"
    with pytest.raises(PhoneRefused):
        read_phone(pasted)


@given(st.text("0123456789", min_size=7, max_size=7))
def test_numbers_of_eleven_digits_are_the_new_ones(tail: str) -> None:
    assert read_phone(bare("0169" + tail)).e164 == f"+8439{tail}"
