"""Laws of finding: in whatever form it is typed a word is the word, and no emergency is hidden."""

import unicodedata
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from booking.directory.kinds import WordKind
from booking.directory.rules import Position, Word, bare, distance_km, names, phrase, tokens, understand
from booking.directory.seed_words import plain_words

TABLE = [Word(kind, phrase(words), target) for kind, words, target in plain_words().rows()]
EMERGENCIES = [word.phrase for word in TABLE if word.kind is WordKind.EMERGENCY]
PHRASES = [word.phrase for word in TABLE]

FORMS: dict[str, Callable[[str], str]] = {
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "capitals": str.upper,
    "capitals, decomposed": lambda text: unicodedata.normalize("NFD", text.upper()),
    "bare": bare,
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "zero width": "\u200b".join,
    "byte order mark": lambda text: f"\ufeff{text}",
    "signs between": lambda text: text.replace(" ", " – , "),
    "narrow spaces": lambda text: text.replace(" ", "\u00a0\u2009"),
}
around = st.text(st.characters(codec="utf-8"), max_size=30)
positions = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))


@given(st.sampled_from(EMERGENCIES), st.sampled_from(sorted(FORMS)), around, around)
def test_an_emergency_is_found_in_any_form_amid_anything(words: str, form: str, before: str, after: str) -> None:
    assert understand(f"{before} , {FORMS[form](words)} , {after}", TABLE).emergency


@given(st.sampled_from(EMERGENCIES), st.sampled_from(PHRASES), st.sampled_from(PHRASES))
def test_no_other_word_of_the_table_hides_an_emergency(words: str, before: str, after: str) -> None:
    assert understand(f"{before} {words} {after}", TABLE).emergency


@given(st.sampled_from(PHRASES), st.sampled_from(sorted(FORMS)))
def test_a_phrase_means_the_same_in_each_form(words: str, form: str) -> None:
    plain, typed = understand(words, TABLE), understand(FORMS[form](words), TABLE)
    # In bare letters a word may be others too; what it meant with its accents is still among them.
    assert set(plain.services) <= set(typed.services) or form == "bare"
    assert set(plain.papers) <= set(typed.papers)
    if form != "bare":
        assert (typed.services, typed.papers, typed.text) == (plain.services, plain.papers, plain.text)


@given(st.sampled_from(["sốt", "co giật", "đau bụng", "tiêm"]), st.sampled_from("abcxyzđ"))
def test_a_word_with_a_letter_more_is_another_word(words: str, letter: str) -> None:
    table = [Word(WordKind.SERVICE, words, "a"), Word(WordKind.EMERGENCY, words)]
    for other in (words + letter, letter + words):
        found = understand(other, table)
        assert not found.services
        assert not found.emergency


@given(st.text(max_size=60))
def test_any_text_is_words_in_bare_letters(text: str) -> None:
    assert bare(bare(text)) == bare(text)
    assert phrase(phrase(text)) == phrase(text)
    assert [token.bare for token in tokens(text)] == [
        token.bare for token in tokens(unicodedata.normalize("NFD", text))
    ]
    assert names(bare(text), bare(text))


@given(positions, positions, positions)
def test_distances_are_distances(one: Position, other: Position, third: Position) -> None:
    there = distance_km(one, other)
    assert 0 <= there <= 20_016
    assert abs(there - distance_km(other, one)) < 1e-6
    assert distance_km(one, one) == 0
    assert distance_km(one, third) <= there + distance_km(other, third) + 1e-3
