"""Reading forms: one value, a birth, the chosen time, the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from starlette.datastructures import FormData

from booking.appointments.commands import LARGEST_SLOT
from booking.appointments.errors import KeyMissing, SlotUnknown
from booking.errors import BookingError
from booking.i18n import Language, translate
from booking.inputs import Command
from booking.patients.rules import Birth, read_birth
from booking.trail.keys import KEY_PATTERN, IdempotencyKey, keyed
from booking.web.form_values import text_of
from booking.web.person_forms import birth_day, number_of
from booking.web.problems import sentence


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed about somebody new and who was ticked, unread: to carry it to another time."""

    values: Mapping[str, str]
    chosen: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether anything was typed or ticked at all."""
        return bool(self.chosen) or any(value for name, value in self.values.items() if name != "relation")


NOTHING = Typed({})


def birth_of(values: Mapping[str, str], *, today: date, language: Language) -> Birth | str:
    """The birth that the three fields name, or what is wrong with them."""
    year = number_of(values["birth_year"])
    try:
        day = birth_day(values, year)
        return read_birth(day=day, year=None if day else year, today=today)
    except ValueError as error:
        return translate(language, str(error))
    except BookingError as error:
        return " ".join(sentence(error, language))


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


def key_of(scope: str, operation: str, form: FormData, command: Command) -> IdempotencyKey:
    """The key minted into the form, in the scope of the browser or of the account."""
    key = text_of(form, "key")
    if not KEY_PATTERN.fullmatch(key):
        raise KeyMissing
    return keyed(f"{scope}:{operation}", key, command)
