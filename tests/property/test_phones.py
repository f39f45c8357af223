"""Laws of telephone numbers: every spelling of a number is that number, and what comes out goes in again."""

import phonenumbers
from hypothesis import given
from hypothesis import strategies as st

from booking.patients.errors import PhoneRefused
from booking.patients.rules import _ORDINARY_MOBILE, Phone, read_phone, show_phone

MOBILES = ["032", "039", "070", "076", "077", "078", "079", "081", "085", "086", "090", "093", "096", "098"]
mobiles = st.builds(lambda prefix, rest: f"{prefix}{rest:07d}", st.sampled_from(MOBILES), st.integers(0, 9_999_999))
gaps = st.sampled_from(["", " ", ".", "-", "  ", " - "])


@given(mobiles, st.sampled_from(["0", "+84", "84", "0084", "+840", ""]), gaps, gaps)
def test_every_spelling_is_the_number(national: str, front: str, first: str, second: str) -> None:
    bare = national[1:]
    spelled = front + bare[:3] + first + bare[3:6] + second + bare[6:]
    assert read_phone(spelled) == Phone("+84" + bare, mobile=True)


def test_the_short_way_takes_nothing_that_the_library_would_refuse() -> None:
    """Every prefix of four digits, with the lowest and the highest rest."""
    for prefix in range(10_000):
        for rest in ("00000", "99999"):
            typed = f"0{prefix:04d}{rest}"
            if _ORDINARY_MOBILE.fullmatch(typed):
                number = phonenumbers.parse(typed, "VN")
                assert phonenumbers.is_valid_number_for_region(number, "VN"), typed
                assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE, typed


@given(mobiles)
def test_what_is_shown_can_be_typed(national: str) -> None:
    phone = read_phone(national)
    assert read_phone(show_phone(phone.e164)) == phone
    assert read_phone(phone.e164) == phone


def _read(text: str) -> Phone | None:
    try:
        return read_phone(text)
    except PhoneRefused:
        return None


@given(st.text(max_size=30))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    phone = _read(text)
    assert phone is None or (phone.e164.startswith("+84") and read_phone(phone.e164) == phone)


@given(st.text(st.sampled_from("0123456789+-. ()"), max_size=16))
def test_digits_in_any_order_break_nothing(text: str) -> None:
    phone = _read(text)
    assert phone is None or read_phone(phone.e164) == phone


@given(mobiles, st.sampled_from("abcđ;_@#<>\u0000\u0660"))
def test_a_foreign_sign_is_never_dropped_in_silence(national: str, sign: str) -> None:
    for at in (0, 4, len(national)):
        assert _read(national[:at] + sign + national[at:]) is None
