"""Numbers of identity papers: what they must look like, and whether they agree with what else is known of a person.

Pure. An impossible number is refused; one that disagrees with birth or sex is warned of and taken: papers hold errors,
and a facility must receive the patient all the same.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from booking.patients.errors import BhytRefused, CitizenIdRefused
from booking.patients.kinds import Sex
from booking.patients.rules import Birth
from booking.text import clean

_CITIZEN_DIGITS = 12
_OLD_CARD_DIGITS = 9
_LAST_PROVINCE = 96
_CENTURIES = {"0": (1900, Sex.MALE), "1": (1900, Sex.FEMALE), "2": (2000, Sex.MALE), "3": (2000, Sex.FEMALE)}
_SEPARATORS = re.compile(r"[ .\-\u2010-\u2015]")
_CARD = re.compile(r"[A-Z]{2}[1-5]\d{2}(\d{10})", re.ASCII)
_CODE = re.compile(r"\d{10}", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)


class Disagreement(StrEnum):
    """What a citizen ID says otherwise than the person did."""

    YEAR = "year"
    SEX = "sex"


@dataclass(frozen=True, slots=True)
class CitizenId:
    """A citizen ID: 12 digits, of which the fourth tells century and sex and the next two the year of birth."""

    number: str

    @property
    def year(self) -> int:
        """Of birth."""
        return _CENTURIES[self.number[3]][0] + int(self.number[4:6])

    @property
    def sex(self) -> Sex:
        """At the registration of the birth."""
        return _CENTURIES[self.number[3]][1]

    def disagreements(self, birth: Birth, sex: Sex | None) -> tuple[Disagreement, ...]:
        """What to warn of; nothing of a sex that was not told or is undetermined."""
        told = sex in (Sex.MALE, Sex.FEMALE)
        found = ((Disagreement.YEAR, self.year != birth.year), (Disagreement.SEX, told and self.sex != sex))
        return tuple(kind for kind, differs in found if differs)


def _bare(raw: str) -> str:
    """Without the spaces, dots and dashes people and cards write between groups."""
    return _SEPARATORS.sub("", clean(raw)).upper()


def read_citizen_id(raw: str) -> CitizenId:
    """A citizen ID in any of its spellings.

    Raises:
        CitizenIdRefused: nine digits (an old CMND, no longer valid), not twelve digits, or a province or century of
            birth that no card has.
    """
    number = _bare(raw)
    if not _DIGITS.fullmatch(number) or len(number) != _CITIZEN_DIGITS:
        old = len(number) == _OLD_CARD_DIGITS and bool(_DIGITS.fullmatch(number))
        raise CitizenIdRefused(field="citizen_id", reason="cmnd" if old else "digits")
    if not 1 <= int(number[:3]) <= _LAST_PROVINCE:
        raise CitizenIdRefused(field="citizen_id", reason="province")
    if number[3] not in _CENTURIES:
        raise CitizenIdRefused(field="citizen_id", reason="century")
    return CitizenId(number)


def read_bhyt(raw: str) -> str:
    """An insurance number: the 15 signs of a card, the 10 digits of the person, or a citizen ID in its place.

    Raises:
        BhytRefused: it is none of them.
    """
    number = _bare(raw)
    if _CARD.fullmatch(number) or _CODE.fullmatch(number):
        return number
    if _DIGITS.fullmatch(number) and len(number) == _CITIZEN_DIGITS:
        try:
            return read_citizen_id(number).number
        except CitizenIdRefused as refused:
            raise BhytRefused(field="bhyt_number", reason=refused.facts["reason"]) from None
    raise BhytRefused(field="bhyt_number", reason="shape")


@dataclass(frozen=True, slots=True)
class Mark:
    """A number by which one person is the same in two systems: what sort it is (a purpose of a blind index), and it."""

    purpose: str
    number: str


def citizen_mark(number: str) -> Mark:
    """The mark of a citizen ID that was read."""
    return Mark("citizen_id", number)


def bhyt_mark(number: str) -> Mark:
    """The mark of an insurance number that was read.

    The first five signs of a card change with the work and the place of the insured; the ten digits are the person's.
    A citizen ID in place of the number is the mark of that citizen ID.
    """
    if len(number) == _CITIZEN_DIGITS:
        return citizen_mark(number)
    card = _CARD.fullmatch(number)
    return Mark("bhyt", card[1] if card else number)
