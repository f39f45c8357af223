"""Laws of names and identity numbers: however the same thing arrives, it is one thing; anything else is refused."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from booking.patients.errors import BhytRefused, CitizenIdRefused, NameRefused
from booking.patients.identity import bhyt_mark, citizen_mark, read_bhyt, read_citizen_id
from booking.patients.rules import read_name
from booking.text import clean, fold, sort_key

FULL_WIDTH = {ord(sign): ord(sign) - 0x21 + 0xFF01 for sign in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
BETWEEN = " .-\u00a0\u2013"

words = st.text(st.sampled_from("ăâđêôơưaeiouybchklmnprstvxĐỗễậỹẨ"), min_size=1, max_size=7)
names = st.lists(words, min_size=1, max_size=5).map(" ".join)
cards = st.builds(
    lambda province, century, rest: f"{province:03d}{century}{rest:08d}",
    st.integers(1, 96), st.integers(0, 3), st.integers(0, 99_999_999),
)  # fmt: skip
insured = st.builds(
    lambda group, benefit, province, code: f"{group}{benefit}{province:02d}{code:010d}",
    st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=2, max_size=2), st.integers(1, 5),
    st.integers(0, 99), st.integers(0, 9_999_999_999),
)  # fmt: skip


@st.composite
def spelled(draw: st.DrawFn, numbers: st.SearchStrategy[str]) -> tuple[str, str]:
    """A number, and the same as keyboards, cards and copy-paste give it."""
    number = draw(numbers)
    signs = draw(st.lists(st.sampled_from(INVISIBLE + BETWEEN), min_size=len(number), max_size=len(number)))
    loose = "".join(a + draw(st.sampled_from(["", b])) for a, b in zip(number, signs, strict=True))
    return number, draw(st.sampled_from([loose, loose.translate(FULL_WIDTH), loose.lower(), f"  {loose}\u200b "]))


@given(names)
def test_a_name_is_one_name_composed_decomposed_and_with_invisible_signs(name: str) -> None:
    kept = read_name(name)
    assert kept == unicodedata.normalize("NFC", name)
    for arrived in (unicodedata.normalize("NFD", name), f"\ufeff{name}\u200b", name.replace(" ", " \u200d ")):
        assert read_name(arrived) == kept
        assert fold(arrived) == fold(kept)
        assert sort_key(arrived) == sort_key(kept)


@given(names)
def test_a_name_without_accents_or_in_capitals_is_the_same_person(name: str) -> None:
    bare = "".join(
        sign
        for sign in unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
        if not unicodedata.combining(sign)
    )
    assert fold(bare) == fold(name) == fold(name.upper())
    assert "đ" not in fold(name)


@given(st.text(max_size=60))
def test_a_name_is_refused_or_kept_on_one_line_for_good(text: str) -> None:
    try:
        kept = read_name(text)
    except NameRefused:
        return
    assert read_name(kept) == kept == clean(text)
    assert any(sign.isalpha() for sign in kept)
    assert not any(sign.isdigit() for sign in kept)


@given(spelled(cards))
def test_a_citizen_id_is_one_number_however_it_is_typed(pair: tuple[str, str]) -> None:
    number, typed = pair
    assert read_citizen_id(typed).number == number
    assert read_bhyt(typed) == number
    assert bhyt_mark(read_bhyt(typed)) == citizen_mark(number)
    assert read_citizen_id(typed).year % 100 == int(number[4:6])


@given(spelled(insured))
def test_an_insurance_card_is_one_number_however_it_is_typed(pair: tuple[str, str]) -> None:
    number, typed = pair
    assert read_bhyt(typed) == number
    assert bhyt_mark(number) == bhyt_mark(number[5:])


@given(st.text(max_size=20))
def test_what_is_taken_for_a_number_is_plain_ascii(text: str) -> None:
    for read, refused in ((lambda raw: read_citizen_id(raw).number, CitizenIdRefused), (read_bhyt, BhytRefused)):
        try:
            kept = read(text)
        except refused:
            continue
        assert kept.isascii()
        assert kept.isalnum()
        assert read(kept) == kept
