"""Every text: one segment at its longest, the sender's name, its code, nothing about why."""

import csv
import importlib.resources
import zlib
from itertools import product
from pathlib import Path

import pytest

import booking
from booking.directory.rules import SMS_NAME_LONGEST, is_sms_name
from booking.messages.kinds import ApprovalState, MessageKind
from booking.messages.segments import GSM_EXTENSION, cost
from booking.messages.texts import TEMPLATES, MissingFactError, may_send, plain, render, unapproved, unknown
from booking.messages.wordings import LONGEST, Template
from booking.sealed import Keyring

EVERY = list(TEMPLATES.values())
FACTS = {
    "facility": "TYT P Thắng Nhì",
    "date": "30/11",
    "time": "07:30",
    "code": "K7M4XW9P",
    "link": "https://henkham.vungtau.gov.vn/t/K7M4XW9P/abc_DEF-1",
    "otp": "012345",
    "minutes": "5",
    "until": "07:45",
    "ahead": "3",
    "late": "40",
    "count": "2",
}
REGISTERED = {
    ("otp", "vi"): (1, 2519776583),
    ("otp", "en"): (1, 709740609),
    ("booked", "vi"): (1, 3026840578),
    ("booked", "en"): (1, 3259226219),
    ("reminder_day", "vi"): (1, 3306811730),
    ("reminder_day", "en"): (1, 3400179807),
    ("reminder_hours", "vi"): (1, 3792537300),
    ("reminder_hours", "en"): (1, 1000523768),
    ("reminder_day_family", "vi"): (1, 2127518483),
    ("reminder_day_family", "en"): (1, 1642263492),
    ("reminder_hours_family", "vi"): (1, 3275401480),
    ("reminder_hours_family", "en"): (1, 3182960578),
    ("moved", "vi"): (1, 1680383465),
    ("moved", "en"): (1, 1555143640),
    ("cancelled", "vi"): (1, 1665632874),
    ("cancelled", "en"): (1, 3108283653),
    ("offer", "vi"): (1, 3686266736),
    ("offer", "en"): (1, 9573782),
    ("invitation", "vi"): (1, 4076738477),
    ("invitation", "en"): (1, 2171554727),
    ("moved_by_facility", "vi"): (1, 2539980532),
    ("moved_by_facility", "en"): (1, 3265695554),
    ("cancelled_by_facility", "vi"): (1, 684248730),
    ("cancelled_by_facility", "en"): (1, 327510567),
    ("choose", "vi"): (1, 2671658815),
    ("choose", "en"): (1, 658256720),
    ("turn_near", "vi"): (1, 3792363157),
    ("turn_near", "en"): (1, 3207220444),
    ("running_late", "vi"): (1, 3054131283),
    ("running_late", "en"): (1, 3794008816),
    ("code_read_out", "vi"): (1, 1127803631),
    ("code_read_out", "en"): (1, 1732820885),
    ("conflict", "vi"): (1, 778994692),
    ("conflict", "en"): (1, 2762607972),
}
"""Version and checksum of every text: a letter changed without a new version is not what the carriers registered."""


def named(template: Template) -> str:
    return f"{template.kind}-{template.language}"


def test_every_kind_has_a_text_in_both_languages() -> None:
    assert set(TEMPLATES) == set(product(MessageKind, ("vi", "en")))
    assert all((one.kind, one.language) == key for key, one in TEMPLATES.items())


@pytest.mark.parametrize("template", EVERY, ids=named)
def test_each_is_one_segment_of_gsm_with_every_variable_at_its_longest(template: Template) -> None:
    counted = cost(template.longest)
    assert (counted.encoding, counted.segments) == ("GSM-7", 1)
    assert counted.units <= 160
    assert "{" not in template.longest


@pytest.mark.parametrize("template", EVERY, ids=named)
def test_each_names_the_sender_and_carries_its_code(template: Template) -> None:
    assert template.text.startswith("HenKham: ")
    if template.kind is MessageKind.OTP:
        assert set(template.variables) == {"otp", "minutes"}
    elif template.kind is MessageKind.CODE_READ_OUT:
        assert set(template.variables) == {"facility", "date", "time"}
    else:
        moment = {"date", "time"}
        of_its_own = {
            MessageKind.OFFER: moment | {"until"},
            MessageKind.INVITATION: {"date"},
            MessageKind.TURN_NEAR: {"ahead"},  # it is about this minute
            MessageKind.RUNNING_LATE: moment | {"late"},
            MessageKind.REMINDER_DAY_FAMILY: moment | {"count"},
            MessageKind.REMINDER_HOURS_FAMILY: moment | {"count"},
        }
        assert set(template.variables) == {"facility", "code", "link"} | of_its_own.get(template.kind, moment)
        assert template.text.endswith("{link}")  # a sign right after a link becomes part of it on many phones


def test_the_longest_values_are_the_longest_there_are() -> None:
    ring = Keyring({"k1": b"x" * 32}, b"y" * 32)
    token = ring.link_token("0b0e6a0e-0000-4000-8000-000000000000", 1)
    base = "https://henkham.vungtau.gov.vn"
    link = f"{base}/t/{FACTS['code']}/{token}"
    assert len(LONGEST["link"]) == len(link) - len(base) + 34
    assert len(base) <= 34


def test_control_a_longer_base_address_would_cost_a_second_segment() -> None:
    longer = {**LONGEST, "link": "w" * 8 + LONGEST["link"]}
    assert any(cost(one.text.format_map(longer)).segments > 1 for one in EVERY)


def test_no_facility_has_a_longer_sms_name() -> None:
    seed = Path(str(importlib.resources.files(booking))) / "directory"
    found = [
        row["sms_name"]
        for file in seed.rglob("facilities.csv")
        for row in csv.DictReader(file.read_text().splitlines())
    ]
    known = ["BV Vung Tau", "TTYT Vung Tau", "TYT P Nguyen An Ninh", "TYT P Thang Nhat"]
    assert max(map(len, [*known, *found])) <= len(LONGEST["facility"]) == SMS_NAME_LONGEST
    assert [name for name in [*known, *found, "Tap duot"] if not is_sms_name(name)] == []


@pytest.mark.parametrize("sign", [*sorted(GSM_EXTENSION), "ă", "Đ", "–", "*", "?", "…", "\n"])
def test_a_sign_that_counts_double_or_is_replaced_is_in_no_sms_name(sign: str) -> None:
    assert not is_sms_name(f"TYT {sign} Mau")


def test_what_an_sms_name_may_have_is_one_septet_each() -> None:
    signs = [chr(code) for code in range(0x20, 0x250) if is_sms_name(f"T{chr(code)}T")]
    assert len(signs) > 60
    assert all(cost(sign).units == 1 and plain(f"T{sign}T") == f"T{sign}T" for sign in signs)
    assert is_sms_name("W" * 22)
    assert not is_sms_name("W" * 23)
    assert not is_sms_name("")


@pytest.mark.parametrize("template", EVERY, ids=named)
def test_rendering_fills_everything_in(template: Template) -> None:
    text = render(template.kind, template.language, FACTS)
    assert cost(text).encoding == "GSM-7"
    assert cost(text).segments == 1
    assert all(plain(FACTS[name]) in text for name in template.variables)


def test_a_booked_text_reads_as_a_clerk_writes() -> None:
    assert render(MessageKind.BOOKED, "vi", FACTS) == (
        "HenKham: Da dat lich kham TYT P Thang Nhi 07:30 30/11. Ma K7M4XW9P."
        " Doi/huy: https://henkham.vungtau.gov.vn/t/K7M4XW9P/abc_DEF-1"
    )


@pytest.mark.parametrize("template", EVERY, ids=named)
def test_a_missing_fact_is_named(template: Template) -> None:
    for name in template.variables:
        without = {key: value for key, value in FACTS.items() if key != name}
        with pytest.raises(MissingFactError, match=name):
            render(template.kind, template.language, without)


def test_a_language_nobody_wrote_is_refused() -> None:
    with pytest.raises(KeyError):
        render(MessageKind.BOOKED, "fr", FACTS)


def test_a_value_cannot_bring_a_variable_or_a_line_of_its_own() -> None:
    text = render(MessageKind.BOOKED, "vi", FACTS | {"facility": "{link}\r\nHenKham: x {otp}"})
    assert "{link} HenKham: x {otp}" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("accented", "bare"),
    [
        ("Thắng Nhì", "Thang Nhi"),
        ("TRẠM Y TẾ ĐƯỜNG Đỗ", "TRAM Y TE DUONG Do"),
        ("Tha\u0306\u0301ng", "Thang"),
        ("07:30–08:00 “mai”…", '07:30-08:00 "mai"...'),
        ("Ç ç é", "C c e"),
        ("医院 \U0001f600", "?? ?"),
        ("a\tb\u200bc", "a bc"),
    ],
)
def test_values_become_plain(accented: str, bare: str) -> None:
    assert plain(accented) == bare
    assert cost(plain(accented)).encoding == "GSM-7"


def test_production_sends_only_what_the_carriers_registered() -> None:
    for template in EVERY:
        approved = template.approval is ApprovalState.APPROVED
        assert may_send(template.kind, template.language, production=True) is approved
        assert may_send(template.kind, template.language, production=False)
        assert (template in unapproved()) is not approved


def test_an_installation_names_what_was_registered_for_it() -> None:
    here = frozenset({"otp.vi.1"})
    may = {one.name for one in EVERY if may_send(one.kind, one.language, production=True, registered=here)}
    assert may == here | {one.name for one in EVERY if one.approval is ApprovalState.APPROVED}
    assert {one.name for one in unapproved(here)} == {one.name for one in EVERY} - may
    assert unknown(here | {"otp.vi.0", "odp.vi.1"}) == ["odp.vi.1", "otp.vi.0"]


def test_a_letter_that_changed_is_another_version() -> None:
    found = {(one.kind.value, one.language): (one.version, zlib.crc32(one.text.encode())) for one in EVERY}
    assert found == REGISTERED


def test_the_texts_say_nothing_about_why() -> None:
    telling = ("khoa", "benh an", "hiv", "lao ", "tam than", "phu khoa", "tiem", "thai", "clinic", "dr.")
    for template in EVERY:
        assert [word for word in telling if word in template.text.lower()] == []
