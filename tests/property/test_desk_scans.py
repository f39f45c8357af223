"""Laws of the desk's one field: whatever is typed, scanned, cut off or garbled, it answers and invents nothing."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from booking.patients.cards import Trouble, is_card, read_card
from booking.patients.searching import read_query

CARD = "079190000001|024123456|Nguyễn Thị Mẫu|17051990|Nữ|12 đường Mẫu, Phường 9, Vũng Tàu|01022021"
anything = st.text(max_size=600)


@given(anything)
def test_any_text_is_answered(raw: str) -> None:
    query = read_query(raw)
    assert all(word == word.casefold() for word in query.words)
    assert query.card is None or is_card(raw)
    assert query.last4 is None or len(query.last4) == 4


@given(st.lists(anything, min_size=3, max_size=9))
def test_any_fields_are_answered_and_a_number_is_never_made_up(fields: list[str]) -> None:
    card = read_card("|".join(fields))
    if card.citizen_id is None:
        assert card.trouble is Trouble.MANGLED
        assert (card.name, card.birth) == (None, None)


@given(st.integers(min_value=0, max_value=len(CARD)))
def test_a_scan_cut_anywhere_keeps_its_whole_number_or_says_that_something_is_wrong(at: int) -> None:
    cut = CARD[:at]
    query = read_query(cut)
    whole = cut.count("|") >= 6 or cut.count("|") == 5
    if query.card is not None and not whole:
        assert query.trouble is not None
    if query.card is not None and query.card.name is not None:
        assert query.card.name == "Nguyễn Thị Mẫu"
    if query.card is not None and query.card.birth is not None:
        assert str(query.card.birth) == "1990-05-17"


@given(st.integers(min_value=0, max_value=len(CARD)), st.characters())
def test_one_odd_sign_anywhere_breaks_nothing_and_changes_no_number(at: int, sign: str) -> None:
    card = read_card(CARD[:at] + sign + CARD[at:])
    assert card.citizen_id in (None, "079190000001") or sign.isdecimal()


@given(anything)
def test_reading_is_the_same_in_nfc_and_nfd(raw: str) -> None:

    one, other = (read_query(unicodedata.normalize(form, raw[:80])) for form in ("NFC", "NFD"))
    if one.words and other.words:
        assert one.words == other.words
