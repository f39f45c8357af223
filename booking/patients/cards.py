"""What a scanner reads off a citizen ID card, and what a keyboard driver between scanner and page made of it.

The QR holds fields between bars: number, old number, name, birth (ddMMyyyy), sex, address, day of issue; newer cards
add parents and more. A scanner types like a keyboard. With a Vietnamese input method on, Telex and VNI take its letters
and digits for their own signs, and Windows' Vietnamese layout turns the row of digits into letters. The number mostly
comes through; the name mostly does not. So a card is used as far as it can be trusted, and the rest is told.

Pure: text in, a card out; never an exception.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from booking.patients.errors import CitizenIdRefused, NameRefused
from booking.patients.identity import read_citizen_id
from booking.patients.kinds import Sex
from booking.patients.rules import Birth, read_name
from booking.text import clean, fold


class Trouble(StrEnum):
    """What is wrong with a scan."""

    MANGLED = "mangled"  # a keyboard driver changed it: switch the keyboard to English and scan again
    CUT = "cut"  # its end is missing: scan again


@dataclass(frozen=True, slots=True)
class Card:
    """What a scan says; None is what it does not say, or what cannot be trusted.

    Attributes:
        citizen_id: the 12 digits.
        name: as on the card.
        birth: a day.
        sex: as on the card.
        address: one line.
        trouble: why something is missing.
    """

    citizen_id: str | None
    name: str | None = None
    birth: Birth | None = None
    sex: Sex | None = None
    address: str | None = None
    trouble: Trouble | None = None


_FEWEST_BARS: Final = 2
_FIELDS: Final = 6
"""Up to the address; the day of issue and what follows are not used."""

_NUMBER = re.compile(r"\d{12}", re.ASCII)
_DAY = re.compile(r"(\d{2})(\d{2})(\d{4})", re.ASCII)
_SEXES: Final = {"nam": Sex.MALE, "nữ": Sex.FEMALE, "nu": Sex.FEMALE}
# Windows' Vietnamese layout: the row of digits gives these instead (5 to 8 give combining tones).
_DIGIT_ROW: Final = dict(zip("ăâêô\u0300\u0309\u0303\u0301đ₫", "1234567890", strict=True))
# A letter twice, as Telex asks for â, ê, đ; or with a w, for ă, ơ, ư. No Vietnamese word has these.
_TELEX = re.compile(r"aa|ee|dd|[aou]w")
# A letter with its mark typed once more by the driver: "Nguyễễn".
_DOUBLED = re.compile(r"([ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ])\1")
# A word without marks that ends in the letter of a tone: "nguyeenx", "thij". One may be a name (Ksor), two are none.
_TONE_LETTER = re.compile(r"[a-z]*[aeiouy][a-z]{0,2}[sfrxj]", re.ASCII)
_LOST = re.compile("[\ufffd?\x80-\x9f]|[\xc3\xc4\xc6][\x80-\xbf]|á[º»]")


def is_card(raw: str) -> bool:
    """Whether somebody scanned a card, however little of it came through."""
    return raw.count("|") >= _FEWEST_BARS


def read_card(raw: str) -> Card:
    """Read a scan as far as it can be trusted."""
    fields = [clean(field) for field in _printable(raw).split("|")]
    number = _number(fields[0])
    if number is None:
        return Card(None, trouble=Trouble.MANGLED)
    rest = [*fields[1:], *[""] * _FIELDS]
    name, birth, sex, address = rest[1], _birth(rest[2]), _SEXES.get(rest[3].casefold()), rest[4]
    clear = bool(_NUMBER.fullmatch(fields[0])) and not _is_mangled(name)
    if not clear or (rest[3] and sex is None) or (rest[2] and birth is None):
        cut = clear and len(fields) < _FIELDS
        return Card(number, birth=birth, trouble=Trouble.CUT if cut else Trouble.MANGLED)
    if len(fields) < _FIELDS:
        return Card(number, _name(name) if birth else None, birth, sex, trouble=Trouble.CUT)
    kept = address if not _is_mangled(address, digits=True) else None
    return Card(number, _name(name), birth, sex, kept or None, None if _name(name) else Trouble.MANGLED)


def _printable(raw: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in raw)


def _number(field: str) -> str | None:
    """The number of a card, also from the row of digits of Windows' Vietnamese layout."""
    plain = "".join(_DIGIT_ROW.get(sign, sign) for sign in field)
    if not _NUMBER.fullmatch(plain):
        return None
    try:
        return read_citizen_id(plain).number
    except CitizenIdRefused:
        return None


def _birth(field: str) -> Birth | None:
    parts = _DAY.fullmatch(field)
    if parts is None:
        return None
    day, month, year = (int(part) for part in parts.groups())
    try:
        return Birth(year, date(year, month, day))
    except ValueError:
        return None


def _name(field: str) -> str | None:
    try:
        return read_name(field)
    except NameRefused:
        return None


def _is_mangled(text: str, *, digits: bool = False) -> bool:
    """Whether letters are no longer what the card says. An address may hold digits, a name may not."""
    small = text.casefold()
    if _LOST.search(text) or _DOUBLED.search(small) or (not digits and any(sign.isdigit() for sign in text)):
        return True
    words = small.split()
    if any(_TELEX.search(word) for word in words):
        return True
    bare = [word for word in words if word == fold(word) and _TONE_LETTER.fullmatch(word)]
    return len(bare) > 1
