"""What a hospital's software answers about our files: read word by word, and never believed further than that."""

import pytest

from booking.exchange.outgoing.answering import Said
from scheduler.outgoing import answers
from scheduler.outgoing.answers import LARGEST, UnreadableAnswers
from scheduler.outgoing.terms import Answers
from tests.outgoing import MSH, terms


def by(name: str) -> Answers:
    found = terms(name).answers
    assert found is not None
    return found


TAKEN = f"{MSH}\rMSA|AA|000017-000001\r"
REFUSED = f"{MSH}\rMSA|AE|000017-000002|không nhận\rERR||PID^1^3|204^Unknown key identifier|E||||Không có bác sĩ BS99\r"


def test_acknowledgements_name_our_messages_and_say_why_not() -> None:
    found = answers.read(by("hl7"), f"{TAKEN}{REFUSED}".encode())
    assert found == [
        Said(accepted=True, reason="AA", number=17, position=1),
        Said(accepted=False, reason="Không có bác sĩ BS99", number=17, position=2),
    ]


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR", "", "whatever"])
def test_what_is_not_a_yes_is_a_no(code: str) -> None:
    [found] = answers.read(by("hl7"), f"{MSH}\rMSA|{code}|000001-000001|vì sao\r".encode())
    assert not found.accepted
    assert found.reason == "vì sao"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_envelopes_and_mllp_are_passed_over(end: str) -> None:
    text = f"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r\x0b{TAKEN}\x1c\r{TAKEN}BTS|2\rFTS|1\r".replace("\r", end)
    assert len(answers.read(by("hl7"), text.encode())) == 2


def test_an_answer_about_a_message_that_is_not_ours_is_counted() -> None:
    [found] = answers.read(by("hl7"), f"{MSH}\rMSA|AA|THEIRS-1\r".encode())
    assert (found.number, found.code) == (None, "THEIRS-1")


def test_a_table_names_codes_words_and_files() -> None:
    text = (
        "Tệp;Mã đặt khám;Kết quả;Lý do\r\n".replace(";", ",")
        + "bookings-fhir-000003-changes.json,ABCD0001,OK,\r\n"
        + "3,abcd0002,Lỗi,Trùng lịch\r\n,ABCD0003,Đã nhận,\r\n,,OK,\r\n"
    )
    assert answers.read(by("fhir"), text.encode("utf-8-sig")) == [
        Said(accepted=True, reason="OK", number=3, code="ABCD0001"),
        Said(accepted=False, reason="Trùng lịch", number=3, code="abcd0002"),
        Said(accepted=True, reason="Đã nhận", code="ABCD0003"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("hl7", b"", "there is no answer in it"),
        ("hl7", b"MSA|AA|000001-000001\r", "there is no answer in it"),
        ("hl7", b"MSH|\rMSA|AA|1\r", "line 1: "),
        ("hl7", b"\xff\xfe", "not UTF-8"),
        ("hl7", b"MSH|^~\\&|\0\r", "a zero byte"),
        ("fhir", "Mã,Kết quả\nABCD0001,OK\n".encode(), "no column is called Mã đặt khám"),
        ("fhir", 'Mã đặt khám,Kết quả,Lý do,Tệp\n"ABCD'.encode(), "its quotes are broken"),
        ("fhir", b"x" * (LARGEST + 1), "larger than 5 MB"),
    ],
)
def test_what_holds_no_answers_says_so_in_words(name: str, data: bytes, why: str) -> None:
    with pytest.raises(UnreadableAnswers, match=why):
        answers.read(by(name), data)
