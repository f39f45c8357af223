"""Names, telephones and births, by example. Nobody here exists."""

from datetime import date

import pytest

from booking.patients.errors import BirthRefused, NameRefused, PhoneRefused
from booking.patients.rules import Birth, match_text, read_birth, read_name, read_phone, show_phone
from booking.text import fold

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Nguyễn Thị Mẫu", "Nguyễn Thị Mẫu"),
        ("  Nguyễn   Thị\u00a0Mẫu ", "Nguyễn Thị Mẫu"),
        ("Nguye\u0302\u0303n Thi\u0323 Ma\u0302\u0303u", "Nguyễn Thị Mẫu"),
        ("Nguyễn\u200b Mẫu\ufeff", "Nguyễn Mẫu"),
        ("H'Mẫu Niê", "H'Mẫu Niê"),
        ("O’Mẫu-Lê (Bà)", "O’Mẫu-Lê (Bà)"),
        ("MẪU", "MẪU"),
        ("Mẫu " * 20 + "A" * 20, ("Mẫu " * 20 + "A" * 20)),
    ],
)
def test_names_are_kept_as_written_on_one_line(typed: str, kept: str) -> None:
    assert read_name(typed) == kept


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "empty"),
        (" \u200b ", "empty"),
        ("...", "empty"),
        ("A" * 101, "long"),
        ("Ng" * 150, "long"),
        ("Nguyễn\u0000", "control"),
        ("Nguyễn\nMẫu", "control"),
        ("Nguyễn\tMẫu", "control"),
        ("Nguyễn \u202eMẫu", "control"),
        ("Nguyễn \ue000Mẫu", "control"),
        ("<b>Mẫu</b>", "signs"),
        ("Mẫu 2", "signs"),
        ("mau@vidu.vn", "signs"),
        ('Mẫu"; --', "signs"),
    ],
)
def test_what_is_no_name_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(NameRefused) as refused:
        read_name(typed)
    assert refused.value.facts["reason"] == reason
    assert refused.value.facts["field"] == "name"


@pytest.mark.parametrize(
    "typed",
    [
        "0903123456", "0903 123 456", "0903.123.456", "0903-123-456", "(0903) 123456", "+84903123456",
        "+84 903 123 456",
        "84903123456", "0084903123456",
        "+840903123456", "903123456", "０９０３１２３４５６", " 0903123456\u200b",
    ],
)  # fmt: skip
def test_a_mobile_in_any_spelling_is_one_number(typed: str) -> None:
    assert read_phone(typed).e164 == "+84903123456"
    assert read_phone(typed).mobile
    assert read_phone(typed).last4 == "3456"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("01621234567", "+84321234567"), ("01691234567", "+84391234567"), ("01201234567", "+84701234567"),
        ("01211234567", "+84791234567"), ("01221234567", "+84771234567"), ("01261234567", "+84761234567"),
        ("01281234567", "+84781234567"), ("01231234567", "+84831234567"), ("01241234567", "+84841234567"),
        ("01251234567", "+84851234567"), ("01271234567", "+84811234567"), ("01291234567", "+84821234567"),
        ("01861234567", "+84561234567"), ("01881234567", "+84581234567"), ("01991234567", "+84591234567"),
        ("+841691234567", "+84391234567"), ("1691234567", "+84391234567"),
    ],
)  # fmt: skip
def test_the_eleven_digits_abolished_in_2018_are_read_as_the_new_ten(old: str, new: str) -> None:
    assert read_phone(old).e164 == new


def test_84_in_front_may_be_the_country_or_a_mobile_that_lost_its_zero() -> None:
    assert read_phone("84 903 123 456").e164 == "+84903123456"
    assert read_phone("841234567").e164 == "+84841234567"
    assert read_phone("0841234567").e164 == "+84841234567"


def test_a_fixed_line_is_a_number_without_sms() -> None:
    assert read_phone("0254 3852 123").e164 == "+842543852123"
    assert not read_phone("0254 3852 123").mobile


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "-", "+", "1", "115", "0903", "09031234567", "090312345", "0103123456",
        "+1 202 555 0100", "+44 20 7946 0000",
        "0903 123 45x", "số 0903123456", "0903123456 0903123457", "0903123456/0903123457",
        "0903123456; 1", "09031\u000023456",
        "0903+123456", "0903_123_456", "٠٩٠٣١٢٣٤٥٦", "<0903123456>", "+84", "9" * 200,
    ],
)  # fmt: skip
def test_what_is_no_number_of_vietnam_is_refused(typed: str) -> None:
    with pytest.raises(PhoneRefused) as refused:
        read_phone(typed)
    assert refused.value.facts == {"field": "phone"}


def test_numbers_are_shown_as_people_write_them() -> None:
    assert show_phone("+84903123456") == "0903 123 456"


def test_a_birth_is_a_day_or_a_year() -> None:
    assert read_birth(day=date(1990, 5, 17), year=None, today=TODAY) == Birth(1990, date(1990, 5, 17))
    assert read_birth(day=None, year=1958, today=TODAY) == Birth(1958)
    assert read_birth(day=date(1990, 5, 17), year=1990, today=TODAY) == Birth(1990, date(1990, 5, 17))
    assert read_birth(day=TODAY, year=None, today=TODAY).day == TODAY
    assert read_birth(day=None, year=1901, today=TODAY).year == 1901


@pytest.mark.parametrize(
    ("day", "year", "reason"),
    [
        (None, None, "missing"),
        (date(1990, 5, 17), 1991, "disagree"),
        (date(2026, 11, 24), None, "future"),
        (None, 2027, "future"),
        (None, 1900, "old"),
        (None, 58, "old"),
        (None, 0, "old"),
        (date(1, 1, 1), None, "old"),
    ],
)
def test_an_impossible_birth_is_refused_with_its_reason(day: date | None, year: int | None, reason: str) -> None:
    with pytest.raises(BirthRefused) as refused:
        read_birth(day=day, year=year, today=TODAY)
    assert refused.value.facts["reason"] == reason


def test_one_person_however_written_is_one_person() -> None:
    phone, birth = read_phone("0903123456"), Birth(1958)
    written = {match_text(phone, fold(read_name(name)), birth) for name in ("Đỗ Thị Mẫu", "ĐỖ  THỊ MẪU", "do thi mau")}
    assert written == {"+84903123456|do thi mau|1958"}
    assert match_text(phone, "do thi mau", Birth(1959)) not in written
    assert match_text(read_phone("0903123457"), "do thi mau", birth) not in written
