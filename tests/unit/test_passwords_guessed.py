"""What somebody would try first at this house's desk is no password of it."""

import re
from pathlib import Path

import pytest

from booking.access.errors import PasswordRefused
from booking.access.guessing import HOUSE_WORDS, left_of
from booking.access.rules import check_password

ABOUT = ("lan.mau", "Nguyễn Thị Lan Mẫu", "Trạm Y tế phường Rạch Dừa")
MANUAL = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


def _refused(password: str, about: tuple[str, ...] = ABOUT) -> bool:
    try:
        check_password(password, about=about, with_code=False)
    except PasswordRefused as refused:
        if refused.facts["reason"] != "common":
            raise  # too short proves nothing
        return True
    return False


@pytest.mark.parametrize(
    "password",
    [
        "Hẹn Khám Vũng Tàu", "henkham-vungtau-2026", "BenhVien.VungTau.23112026", "P@ssw0rd-H3nKh4m", "matkhau19051990",
        "qwertyuiop1234567890", "asdfghjkl;zxcvbnm", "0987654321poiuytrewq", "bacsi bacsi bacsi bacsi",
        "anhyeuem-emyeuanh", "1qaz2wsx3edc4rfv!", "Welcome-Admin-2026", "abcdefghijklmnop", "01/01/1990-31/12/1999",
    ],
)  # fmt: skip
def test_what_anybody_would_try_here_is_refused(password: str) -> None:
    assert _refused(password, ())


@pytest.mark.parametrize(
    "password",
    ["nguyen.thi.lan.mau", "Lan.Mau-Lan-Mau-1990", "rach dua rach dua", "TramYTe-RachDua-2026", "lanmau!!NGUYEN??"],
)
def test_names_of_the_person_and_of_her_facility_are_refused_to_her(password: str) -> None:
    assert _refused(password)


@pytest.mark.parametrize("password", ["Phuong-Thao-Quynh", "rach suoi bong dua"])
def test_what_is_refused_to_one_is_open_to_another(password: str) -> None:
    """The control: it is the names that are refused, not the shape of the password."""
    assert not _refused(password)
    assert _refused(password, ("phuong.thao", "Thảo Quỳnh Phương", "Rạch Suối Bông"))


@pytest.mark.parametrize(
    "password",
    [
        "hai ba con cua do bien", "mèo mun trèo cột đèn", "correct horse battery", "Kx9-mQ2-tt7-Lp4z",
        "canh chua ca loc", "bún riêu 1990 mèo mun", "дом стоит у реки", "bệnh viện chuối xanh mưa đá",
    ],
)  # fmt: skip
def test_words_that_do_not_belong_together_are_taken(password: str) -> None:
    assert not _refused(password)


def test_what_stands_around_a_word_makes_no_new_one() -> None:
    assert left_of("pass-admin-word", ()) == "password"
    assert left_of("tau hu vung tau nong", ()) == "tauhunong"


def test_the_manual_lists_the_words_of_the_house() -> None:
    quoted = " ".join(re.findall(r"(?m)^> (.*)$", MANUAL.split("## Passwords")[1].split("## ")[0]))
    assert tuple(quoted.split(", ")) == HOUSE_WORDS
