"""Laws of text: cleaning and folding settle at once, and sorting follows the Vietnamese alphabet."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from booking.text import clean, fold, has_control, plain_sort_key, sort_key

ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]
letters = st.builds(
    lambda letter, tone: unicodedata.normalize("NFC", letter + (tone if letter in "aăâeêioôơuưy" else "")),
    st.sampled_from(ALPHABET), st.sampled_from(TONES),
)  # fmt: skip
words = st.text(letters, min_size=1, max_size=6)
names = st.lists(words, min_size=1, max_size=4).map(" ".join)
anything = st.text(max_size=60)


@given(anything)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(anything)
def test_clean_text_is_one_line_in_one_form(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert not set("\t\n\r\u200b\ufeff") & set(cleaned)


@given(names)
def test_composed_and_decomposed_are_one_text(name: str) -> None:
    assert clean(unicodedata.normalize("NFD", name)) == clean(name) == name
    assert fold(unicodedata.normalize("NFD", name)) == fold(name)
    assert sort_key(unicodedata.normalize("NFD", name)) == sort_key(name)


@given(anything)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(names)
def test_a_query_without_accents_finds_the_name(name: str) -> None:
    bare = "".join(c for c in unicodedata.normalize("NFD", name.replace("đ", "d")) if not unicodedata.combining(c))
    assert fold(bare) == fold(name) == fold(name.upper())
    assert fold(name).isascii()


@given(anything)
def test_a_control_sign_is_seen_wherever_it_stands(text: str) -> None:
    assert has_control(text + "\u0000")
    for turning in "\u061c\u200e\u200f\u202e\u2066\u2067\u2068\u2069":
        assert has_control(turning + text)
    assert has_control(text) == any(has_control(sign) for sign in text)


def _alphabetically(word: str) -> tuple[list[int], list[int]]:
    """The order of the alphabet, written the slow way: letters first, then tones."""
    base, tones = [], []
    for letter in word:
        parts = unicodedata.normalize("NFD", letter)
        tone = next((mark for mark in TONES[1:] if mark in parts), "")
        base.append(ALPHABET.index(unicodedata.normalize("NFC", parts.replace(tone, "") if tone else parts)))
        tones.append(TONES.index(tone))
    return base, tones


@given(words, words)
def test_words_sort_as_the_alphabet_says(one: str, other: str) -> None:
    assert (plain_sort_key(one) < plain_sort_key(other)) == (_alphabetically(one) < _alphabetically(other))


@given(names, names)
def test_names_sort_by_the_given_name_first(one: str, other: str) -> None:
    given_one, given_other = one.rsplit(" ", maxsplit=1)[-1], other.rsplit(" ", maxsplit=1)[-1]
    if _alphabetically(given_one) != _alphabetically(given_other):
        assert (sort_key(one) < sort_key(other)) == (_alphabetically(given_one) < _alphabetically(given_other))


@given(names)
def test_sort_keys_are_plain_bytes(name: str) -> None:
    assert sort_key(name).isascii() or "đ" not in sort_key(name)
    assert sort_key(name.upper()) == sort_key(name)
