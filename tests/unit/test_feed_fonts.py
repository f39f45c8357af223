"""Text of the fonts before Unicode, byte for byte as programs wrote it, becomes the letters that were meant."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.exports.fonts import _VNI, from_tcvn3, from_vni
from tests.exports import read, small, written

TONES = "\u0301\u0300\u0309\u0303\u0323"
VOWELS = "aăâeêioôơuưy"
LOWER = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in ("", *TONES)]

NAMES = [
    ("Nguyễn Thị Hồng Mẫu", b"Nguy\xd4n Th\xde H\xe5ng M\xc9u", "Nguyeãn Thò Hoàng Maãu"),
    ("Đặng Quốc Dũng", b"\xa7\xc6ng Qu\xe8c D\xf2ng", "Ñaëng Quoác Duõng"),
    ("Lý Thị Ỷ Mỹ", None, "Lyù Thò YÛ Myõ"),
    ("bác sĩ khám ở phòng số 3", b"b\xb8c s\xdc kh\xb8m \xeb ph\xdfng s\xe8 3", "baùc só khaùm ôû phoøng soá 3"),
    ("đã hủy", b"\xae\xb7 h\xf1y", "ñaõ huûy"),
    ("Ưu tiên", b"\xa6u ti\xaan", "Öu tieân"),
    ("KHÁM BỆNH Ở ĐÂY", None, "KHAÙM BEÄNH ÔÛ ÑAÂY"),
]


@pytest.mark.parametrize(("meant", "tcvn3", "vni"), NAMES)
def test_known_words(meant: str, tcvn3: bytes | None, vni: str) -> None:
    assert from_vni(vni) == meant
    if tcvn3 is not None:
        assert from_tcvn3(tcvn3.decode("latin-1")) == meant


def test_every_small_letter_of_vietnamese_can_be_told() -> None:
    told = set(_VNI.values()) | set(VOWELS)
    assert not set(LOWER) - told
    signs = {chr(code) for code in range(0xA1, 0x100)}
    assert not {*LOWER, "đ"} - {from_tcvn3(sign) for sign in signs} - set(VOWELS)


@given(st.lists(st.sampled_from(sorted(_VNI.items())), max_size=12))
def test_whatever_is_written_in_vni_is_read_back(pairs: list[tuple[str, str]]) -> None:
    # A vowel that stands alone before a sign would be one with it; a consonant between them keeps the letters apart.
    written_so = "n".join(signs for signs, _ in pairs)
    assert from_vni(written_so) == "n".join(letter for _, letter in pairs)


def test_plain_text_stays_as_it_is() -> None:
    plain = "".join(chr(code) for code in itertools.chain(range(0x20, 0x7F), (0xA0,)))
    assert from_tcvn3(plain) == plain
    assert from_vni(plain) == plain


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("tcvn3", b"B\xb8c s\xdc,Gi\xea,Tr\xb9ng th\xb8i\r\nB\xefi \xa7\xf8c,2026-11-23 07:30,\xa7\xb7 h\xf1y\r\n"),
        ("ABC", b"B\xb8c s\xdc,Gi\xea,Tr\xb9ng th\xb8i\r\nB\xefi \xa7\xf8c,2026-11-23 07:30,\xa7\xb7 h\xf1y\r\n"),
        ("vni", "Baùc só,Giôø,Traïng thaùi\r\nBuøi Ñöùc,2026-11-23 07:30,Ñaõ huûy\r\n".encode("latin-1")),
        ("vni-in-utf-8", "Baùc só,Giôø,Traïng thaùi\r\nBuøi Ñöùc,2026-11-23 07:30,Ñaõ huûy\r\n".encode()),
        ("tcvn3-in-utf-8", "B¸c sÜ,Giê,Tr¹ng th¸i\r\nBïi §øc,2026-11-23 07:30,§· hñy\r\n".encode()),
        ("windows-1258", None),
        ("utf-16", None),
        ("utf-8", None),
    ],
)
def test_a_feed_in_plain_vietnamese_reads_a_file_in_any_of_them(encoding: str, data: bytes | None) -> None:
    rows = [("Bác sĩ", "Giờ", "Trạng thái"), ("Bùi Đức", "2026-11-23 07:30", "Đã hủy")]
    if data is None:
        codec = {"windows-1258": "cp1258"}.get(encoding, encoding)
        text = written(rows).decode()
        if codec == "cp1258":  # as Windows writes it: tones as signs after their letters
            text = "".join(
                letter if letter.isascii() or letter.encode("cp1258", "ignore") else _apart(letter) for letter in text
            )
        data = text.encode(codec)
    feed = small(
        ('id = "ID"\n', ""), ('start = "Start"', 'start = "Giờ"'), ('end = "End"\n', ""),
        ('state = "State"', 'state = "Trạng thái"'), ('doctor = "Doctor"', 'doctor = "Bác sĩ"'),
        ('releases = "cancelled"', 'releases = "đã hủy"'), ('keys = "Dr An"', 'keys = "Bùi Đức"'),
        more=f'\n[csv]\nencoding = "{encoding}"\n',
    )  # fmt: skip
    (row,), report = read(feed, data)
    assert (row.resource, row.closes, report.unknown_states) == ("an", False, {})


def _apart(letter: str) -> str:
    """A letter with its tone as a sign of its own, its other marks kept."""
    base, marks = unicodedata.normalize("NFD", letter)[0], unicodedata.normalize("NFD", letter)[1:]
    tone = "".join(mark for mark in marks if mark in TONES)
    return unicodedata.normalize("NFC", base + "".join(mark for mark in marks if mark not in TONES)) + tone
