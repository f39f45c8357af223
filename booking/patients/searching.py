"""What the one field of the desk holds: a name, a telephone, a code, a link, a card.

Pure: what was typed or scanned in, a query out; never an exception.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from booking.ids import CODE_ALPHABET, CODE_LENGTH
from booking.patients.cards import Card, Trouble, is_card, read_card
from booking.patients.errors import BhytRefused, CitizenIdRefused, PhoneRefused
from booking.patients.identity import Mark, bhyt_mark, citizen_mark, read_bhyt, read_citizen_id
from booking.patients.rules import Phone, read_phone
from booking.text import clean, fold

LONGEST: Final = 400
"""Signs of the field that are read; a card's QR has about 150."""

_LAST = 4
_SHORTEST_NAME = 2
_LINK = re.compile(rf"/t/([{CODE_ALPHABET}]{{{CODE_LENGTH}}})(?:/|$)", re.IGNORECASE)
_CODE = re.compile(rf"[{CODE_ALPHABET}]{{{CODE_LENGTH}}}")
_SPACES = re.compile(r"[ .\-]")


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; all that is set is looked for, a code before anything else.

    Attributes:
        code: of a booking.
        phone: a whole number.
        last4: the last four digits of one.
        marks: numbers by which a person is one in two systems: citizen ID, insurance.
        words: of a name, folded.
        card: what was scanned.
        trouble: of a scan that came through changed.
    """

    code: str | None = None
    phone: Phone | None = None
    last4: str | None = None
    marks: tuple[Mark, ...] = ()
    words: tuple[str, ...] = ()
    card: Card | None = None
    trouble: Trouble | None = None

    @property
    def anything(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.code or self.phone or self.last4 or self.marks or self.words)

    @property
    def told(self) -> bool:
        """Whether it names one person exactly, as she or her card told: then she is found wherever she was before."""
        return bool(self.phone or self.marks)


def read_query(raw: str) -> Query:
    """Find out what somebody typed or scanned; never an exception."""
    text = clean("".join(sign if sign.isprintable() else " " for sign in raw[:LONGEST]))
    if is_card(text):
        card = read_card(text)
        return Query(marks=(citizen_mark(card.citizen_id),) if card.citizen_id else (), card=card, trouble=card.trouble)
    if "/" in text and (link := _LINK.search(text)):
        return Query(code=link[1].upper())
    if text.casefold().startswith("http"):
        return Query(trouble=Trouble.MANGLED)
    bare = _SPACES.sub("", text).upper()
    if bare.isascii() and bare.isdecimal() and len(bare) == _LAST:
        return Query(last4=bare)
    code = bare if _CODE.fullmatch(bare) and not bare.isdecimal() else None
    phone, marks = _phone(text), _marks(bare)
    if phone or marks or (code and any(sign.isdigit() for sign in bare)):
        return Query(code=code, phone=phone, marks=marks)
    return Query(code=code, words=_words(text))


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word for word in fold(text).split(" ") if word)
    return words if sum(map(len, words)) >= _SHORTEST_NAME and any(map(str.isalpha, "".join(words))) else ()


def _phone(text: str) -> Phone | None:
    try:
        return read_phone(text)
    except PhoneRefused:
        return None


def _marks(bare: str) -> tuple[Mark, ...]:
    found = []
    with suppress(CitizenIdRefused):
        found.append(citizen_mark(read_citizen_id(bare).number))
    with suppress(BhytRefused):
        found.append(bhyt_mark(read_bhyt(bare)))
    return tuple(dict.fromkeys(found))
