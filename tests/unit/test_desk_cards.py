"""A scanned card, whole, cut off and changed by a keyboard driver; and what the one field of the desk holds."""

from datetime import date

import pytest

from booking.patients.cards import Trouble, read_card
from booking.patients.kinds import Sex
from booking.patients.searching import read_query

CARD = "079190000001|024123456|Nguyễn Thị Mẫu|17051990|Nữ|12 đường Mẫu, Phường 9, Vũng Tàu|01022021"


def test_a_card_is_read() -> None:
    card = read_card(CARD)
    assert (card.citizen_id, card.name, card.sex) == ("079190000001", "Nguyễn Thị Mẫu", Sex.FEMALE)
    assert card.birth is not None
    assert card.birth.day == date(1990, 5, 17)
    assert card.address == "12 đường Mẫu, Phường 9, Vũng Tàu"
    assert card.trouble is None


def test_a_card_with_more_fields_and_without_an_old_number_is_read() -> None:
    card = read_card("077054000123||Trần Văn Mẫu|01011954|Nam|Thắng Nhì|01022024||Trần Mẫu|Lê Mẫu|")
    assert (card.name, card.sex, card.trouble) == ("Trần Văn Mẫu", Sex.MALE, None)


@pytest.mark.parametrize(
    "raw",
    [
        CARD.replace("Nguyễn Thị Mẫu", "Nguyeenx Thij Maaux"),  # Telex, unconverted
        CARD.replace("Nguyễn", "Nguyễễn"),  # a driver that types the letter once more
        CARD.replace("Nguyễn Thị Mẫu", "Nguye6n4 Thi5 Ma6u4"),  # VNI
        CARD.replace("Nữ", "Nuwx"),
        CARD.replace("Nguyễn", "Nguy?n"),
        CARD.replace("Nguyễn", "Nguyá»\x85n"),
        CARD.replace("17051990", "1705199ồ"),
        "₫\u0303đăđ₫₫₫₫₫₫ă|" + CARD.partition("|")[2],  # Windows' Vietnamese layout
    ],
)
def test_what_a_keyboard_driver_did_is_noticed_and_the_name_not_believed(raw: str) -> None:
    card = read_card(raw)
    assert card.trouble is Trouble.MANGLED
    assert card.name is None
    assert card.citizen_id == "079190000001"


@pytest.mark.parametrize(
    "name", ["Lưu Hữu Mẫu", "Ksor H'Bia Mẫu", "Rơ Châm Mẫu", "Nguyễn Xoong Mẫu", "TRẦN THỊ MẪU", "Thuỷ Mẫu"]
)
def test_names_that_look_odd_and_are_right_are_believed(name: str) -> None:
    card = read_card(CARD.replace("Nguyễn Thị Mẫu", name))
    assert (card.name, card.trouble) == (name, None)


@pytest.mark.parametrize("bars", [2, 3, 4])
def test_a_card_whose_end_is_missing_says_so_and_keeps_its_number(bars: int) -> None:
    card = read_card("|".join(CARD.split("|")[: bars + 1]))
    assert (card.citizen_id, card.trouble) == ("079190000001", Trouble.CUT)


def test_a_number_no_card_has_is_no_card() -> None:
    assert read_card("999990000001|1|Mẫu|01011990|Nam|x|y").citizen_id is None


@pytest.mark.parametrize(
    ("raw", "phone"),
    [("0903 123 456", "+84903123456"), ("+84 903.123.456", "+84903123456"), ("903123456", "+84903123456"),
     ("0162 1234567", "+84321234567")],
)  # fmt: skip
def test_a_telephone_in_any_spelling(raw: str, phone: str) -> None:
    query = read_query(raw)
    assert query.phone is not None
    assert query.phone.e164 == phone
    assert query.told


@pytest.mark.parametrize("raw", ["K7M2PQ4R", "k7m2 pq4r", "https://dat.example/t/K7M2PQ4R/abc_-123", "/t/k7m2pq4r/x"])
def test_a_code_and_the_link_of_a_slip(raw: str) -> None:
    query = read_query(raw)
    assert query.code == "K7M2PQ4R"
    assert not query.told


def test_four_digits_a_citizen_id_and_an_insurance_number() -> None:
    assert read_query("3456").last4 == "3456"
    assert [mark.purpose for mark in read_query("079190000001").marks] == ["citizen_id"]
    assert [mark.number for mark in read_query("GD4797912345678").marks] == ["7912345678"]


def test_a_name_with_and_without_accents() -> None:
    assert read_query("Nguyễn Thị Mẫu").words == read_query(" nguyen  thi MAU").words == ("nguyen", "thi", "mau")
    assert read_query("đức").words == ("duc",)


@pytest.mark.parametrize("raw", ["", " ", "?", "a", "--", "12"])
def test_nothing_to_look_for(raw: str) -> None:
    assert not read_query(raw).anything


def test_a_link_that_a_driver_changed_is_told() -> None:
    assert read_query("https://dat.ẽample/t/K7M").trouble is Trouble.MANGLED
