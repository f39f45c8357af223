"""What a name, a telephone number and a birth date must look like, and what follows from an age.

Pure: plain values in, a value out or a refusal.
"""

import re
from dataclasses import dataclass
from datetime import date

from booking.patients.errors import BirthRefused, GuardianNeeded, NameRefused, PhoneRefused, PriorityRefused
from booking.patients.kinds import PriorityClass, Relation
from booking.text import clean, has_control

NAME_LONGEST = 100
OLDEST_YEARS = 125
OF_AGE = 18
ASKED_FROM = 7
"""Under 7 the guardian consents; from 7 the child and the guardian."""

UNDER_6, OVER_75 = 6, 75
CLAIMABLE = (
    PriorityClass.PREGNANT,
    PriorityClass.ESPECIALLY_SEVERE_DISABILITY,
    PriorityClass.SEVERE_DISABILITY,
    PriorityClass.MERITORIOUS,
)
"""Classes a person says of herself, for staff to verify."""

# Mobiles lost their eleventh digit in 2018; old files and old memories still hold it. (Ministry plan 798/QĐ-BTTTT.)
_OLD_PREFIXES = {
    **{f"016{digit}": f"03{digit}" for digit in range(2, 10)},
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip
_OLD_LENGTH = 11
# How nearly everybody writes a mobile. The library would say the same (a test asks it for every prefix), at thirty
# times the price, on the path that must be fast. Prefixes of which only a part is given out are left to the library.
_ORDINARY_MOBILE = re.compile(r"0(?:3[2-9]|5[689]|7[06-9]|8[1-8]|9[0-8])\d{7}")
_REGION = "VN"
_WRITTEN = re.compile(r"\+?[ .()/\u2010-\u2015-]*[0-9][0-9 .()/\u2010-\u2015-]*")


@dataclass(frozen=True, slots=True)
class Phone:
    """A Vietnamese number: `e164` such as +84903123456, and whether an SMS can reach it."""

    e164: str
    mobile: bool

    @property
    def last4(self) -> str:
        """The last four digits, by which a clerk may search."""
        return self.e164[-4:]


@dataclass(frozen=True, slots=True)
class Birth:
    """A birth date, or its year only."""

    year: int
    day: date | None = None

    def __str__(self) -> str:
        return self.day.isoformat() if self.day else str(self.year)


def read_name(raw: str) -> str:
    """A person's name on one line, NFC, spaces folded.

    Raises:
        NameRefused: empty, longer than 100 characters, without a letter, or with signs no name has.
    """
    if has_control(raw.strip()):
        raise NameRefused(field="name", reason="control")
    name = clean(raw)
    if len(name) > NAME_LONGEST:
        raise NameRefused(field="name", reason="long", longest=NAME_LONGEST)
    if not any(letter.isalpha() for letter in name):
        raise NameRefused(field="name", reason="empty")
    if any(sign in name for sign in '<>{}[]|\\^~@#$%*=+;:!?"') or any(sign.isdigit() for sign in name):
        raise NameRefused(field="name", reason="signs")
    return name


def read_phone(raw: str) -> Phone:
    """A Vietnamese telephone number in any of its spellings.

    Takes +84, 84 and 0084 in front, spaces, dots and dashes, full-width digits, the 11-digit mobiles abolished in 2018,
    and nine digits whose leading 0 a spreadsheet ate.

    Raises:
        PhoneRefused: it is no number of Vietnam.
    """
    text = clean(raw)
    if _ORDINARY_MOBILE.fullmatch(text):
        return Phone("+84" + text[1:], mobile=True)
    if not _WRITTEN.fullmatch(text):
        raise PhoneRefused(field="phone")
    digits = "".join(sign for sign in text if sign in "0123456789")
    if text.startswith("+") and not text.startswith("+84"):
        raise PhoneRefused(field="phone")
    national = _national(digits)
    if len(national) == _OLD_LENGTH and national[:4] in _OLD_PREFIXES:
        national = _OLD_PREFIXES[national[:4]] + national[4:]
    if _ORDINARY_MOBILE.fullmatch(national):
        return Phone("+84" + national[1:], mobile=True)
    return _of_the_library(national)


def _of_the_library(national: str) -> Phone:
    """Fixed lines, and what is no number: rare, so a process carries the library only once it met one."""
    import phonenumbers

    try:
        number = phonenumbers.parse(national, _REGION)
    except phonenumbers.NumberParseException:
        raise PhoneRefused(field="phone") from None
    if not phonenumbers.is_valid_number_for_region(number, _REGION):
        raise PhoneRefused(field="phone")
    kind = phonenumbers.number_type(number)
    return Phone(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        mobile=kind == phonenumbers.PhoneNumberType.MOBILE,
    )


def _national(digits: str) -> str:
    for prefix in ("0084", "84"):
        # 84 may also begin a nine-digit number that lost its 0 (084 is a mobile prefix): length tells them apart.
        if digits.startswith(prefix) and len(digits) - len(prefix) in (9, 10):
            return "0" + digits.removeprefix(prefix).removeprefix("0")
    return digits if digits.startswith("0") else "0" + digits


def show_phone(e164: str) -> str:
    """`0903 123 456`, as people here write it."""
    digits = "0" + e164.removeprefix("+84")
    return f"{digits[:4]} {digits[4:7]} {digits[7:]}"


def read_birth(*, day: date | None, year: int | None, today: date) -> Birth:
    """A birth date or year that a living person may have.

    Raises:
        BirthRefused: neither is given, both disagree, it lies in the future or more than 125 years back.
    """
    if day is None and year is None:
        raise BirthRefused(field="birth_year", reason="missing")
    if day is not None and year is not None and day.year != year:
        raise BirthRefused(field="birth_year", reason="disagree")
    found = Birth(day.year if day else year or 0, day)
    if found.year > today.year or (day is not None and day > today):
        raise BirthRefused(field="birth_date" if day else "birth_year", reason="future")
    if found.year < today.year - OLDEST_YEARS:
        raise BirthRefused(field="birth_date" if day else "birth_year", reason="old")
    return found


def match_text(phone: Phone, folded_name: str, birth: Birth) -> str:
    """What makes two people one until they sign in: phone, folded name (`text.fold`) and birth."""
    return f"{phone.e164}|{folded_name}|{birth}"


def age(birth: Birth, on: date) -> int:
    """Full years on a day. Of a birth year alone the lowest it can be, as if born on its last day.

    Born on 29 February one is a year older on 1 March, where the year has no such day.
    """
    month_day = (birth.day.month, birth.day.day) if birth.day else (12, 31)
    return on.year - birth.year - ((on.month, on.day) < month_day)


def is_minor(birth: Birth, on: date) -> bool:
    """Whether somebody is under 18, or may be where only the year is known."""
    return age(birth, on) < OF_AGE


def of_age_if_born_by(on: date) -> date:
    """The last day of birth on which somebody is of age on a day: `is_minor` for a query."""
    try:
        return on.replace(year=on.year - OF_AGE)
    except ValueError:  # 29 February, and no such day then
        return on.replace(year=on.year - OF_AGE, day=28)


def has_own_say(birth: Birth, on: date) -> bool:
    """Whether a child is asked beside her guardian: from 7."""
    return age(birth, on) >= ASKED_FROM


def class_by_age(birth: Birth, on: date) -> PriorityClass | None:
    """The class age makes by itself, only where it is certain: a year alone leaves the months around it to staff."""
    youngest = age(birth, on)
    oldest = youngest if birth.day else on.year - birth.year
    if oldest < UNDER_6:
        return PriorityClass.UNDER_6
    return PriorityClass.OVER_75 if youngest >= OVER_75 else None


def check_claim(claimed: PriorityClass | None) -> None:
    """Refuse a claim of what age alone decides.

    Raises:
        PriorityRefused: under 6 and over 75 are known by the birth date.
    """
    if claimed is not None and claimed not in CLAIMABLE:
        raise PriorityRefused(field="priority")


def read_guardian(raw: str | None, *, birth: Birth, relation: Relation, on: date) -> str | None:
    """The guardian's name of a minor; None where none is asked for: an adult, or the account's own child.

    Raises:
        GuardianNeeded: a minor who is nobody's own child here, without one.
        NameRefused: it is no name.
    """
    if not is_minor(birth, on):
        return None
    if raw is None or not clean(raw):
        if relation is Relation.CHILD:
            return None
        raise GuardianNeeded(field="guardian_name")
    try:
        return read_name(raw)
    except NameRefused as refused:
        raise NameRefused(**(refused.facts | {"field": "guardian_name"})) from None


def read_ward(raw: str | None) -> str | None:
    """The name of a ward, as typed on one line: old, new or a village; None when nothing is left of it."""
    kept = clean("".join(sign for sign in raw or "" if not has_control(sign)))
    return kept[:NAME_LONGEST].strip() or None
