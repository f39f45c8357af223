"""Reading forms: what was typed, what is wrong with it, the person it names, the chosen time, the key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from fastapi import Request
from starlette.datastructures import FormData

from booking.appointments.commands import LARGEST_SLOT, BookAppointment, HoldPlace, PersonInput
from booking.appointments.errors import KeyMissing, SlotUnknown
from booking.errors import BookingError
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.patients.errors import BirthRefused
from booking.patients.kinds import Relation
from booking.patients.rules import Birth, read_birth, read_name, read_phone
from booking.text import clean
from booking.trail.keys import KEY_PATTERN, IdempotencyKey, keyed
from booking.web import device
from booking.web.problems import sentence

FIELDS = ("relation", "name", "birth_day", "birth_month", "birth_year", "phone")
"""In the order of the page."""

_LONGEST = 400
_IMPOSSIBLE = _("There is no such day. Check day and month, or enter the year only.")
_HALF = _("Enter both day and month, or the year only.")
_CHOOSE = _("Choose for whom the visit is.")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, as it was typed, and what is wrong: field → what happened and what to do."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    person: PersonInput | None = None

    @property
    def anything(self) -> bool:
        """Whether anything was typed at all."""
        return any(value for name, value in self.values.items() if name != "relation")


NOTHING = Typed({name: Relation.SELF.value if name == "relation" else "" for name in FIELDS})


def text_of(form: FormData, name: str) -> str:
    """One value of a form, cut to a length no honest value has; empty when it is missing or a file."""
    value = form.get(name, "")
    return value[:_LONGEST] if isinstance(value, str) else ""


def keep(form: FormData) -> Typed:
    """What was typed, unread: to carry it to another time."""
    return Typed({name: text_of(form, name) for name in FIELDS})


def read(form: FormData, *, today: date, language: Language) -> Typed:
    """Read the form; every field that is wrong is told at once."""
    values = keep(form).values
    errors: dict[str, str] = {}

    def refuse(name: str, error: BookingError | str) -> None:
        said = translate(language, error) if isinstance(error, str) else " ".join(sentence(error, language))
        errors.setdefault(name, said)

    if values["relation"] not in set(Relation):
        refuse("relation", _CHOOSE)
    try:
        read_name(values["name"])
    except BookingError as error:
        refuse("name", error)
    try:
        read_phone(values["phone"])
    except BookingError as error:
        refuse("phone", error)
    day: date | None = None
    year = _number(values["birth_year"])
    try:
        day = _birth_date(values, year)
        read_birth(day=day, year=year, today=today)
    except ValueError as error:
        refuse("birth_year", str(error))
    except BookingError as error:
        refuse("birth_year", error)
    if errors:
        return Typed(values, {name: errors[name] for name in FIELDS if name in errors})
    person = PersonInput(
        name=values["name"], phone=values["phone"][:64], relation=Relation(values["relation"]),
        birth_date=day, birth_year=None if day else year,
    )  # fmt: skip
    return Typed(values, {}, person)


def birth_of(values: Mapping[str, str], *, today: date, language: Language) -> Birth | str:
    """The birth that the three fields name, or what is wrong with them."""
    year = _number(values["birth_year"])
    try:
        day = _birth_date(values, year)
        return read_birth(day=day, year=None if day else year, today=today)
    except ValueError as error:
        return translate(language, str(error))
    except BookingError as error:
        return " ".join(sentence(error, language))


def _birth_date(values: Mapping[str, str], year: int | None) -> date | None:
    parts = [clean(values["birth_day"]), clean(values["birth_month"])]
    if year is None:
        raise BirthRefused(reason="missing")
    if not any(parts):
        return None
    if not all(parts):
        raise ValueError(_HALF)
    day, month = (_number(part) or 0 for part in parts)
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(_IMPOSSIBLE) from None


def _number(raw: str) -> int | None:
    text = clean(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("2026") else None


def slot_of(form: FormData) -> int | None:
    """The chosen time; None when none was chosen.

    Raises:
        SlotUnknown: no time of ours has such a mark.
    """
    raw = text_of(form, "slot")
    if not raw:
        return None
    if not raw.isascii() or not raw.isdecimal() or not 1 <= int(raw) <= LARGEST_SLOT:
        raise SlotUnknown
    return int(raw)


def key_of(request: Request, operation: str, form: FormData, command: HoldPlace | BookAppointment) -> IdempotencyKey:
    """The key minted into the form, in the scope of this browser."""
    key = text_of(form, "key")
    if not KEY_PATTERN.fullmatch(key):
        raise KeyMissing
    return keyed(f"{device.scope(request)}:{operation}", key, command)
