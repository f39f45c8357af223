"""What every command is made of: frozen, nothing extra, dates in ISO only, text in one canonical form."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from booking.text import clean, has_control

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _iso_date(raw: object) -> object:
    # Pydantic would also take 0.5, "20261130" or a whole timestamp for a day.
    if not isinstance(raw, (str, date)) or (isinstance(raw, str) and not _ISO_DATE.fullmatch(raw)):
        raise PydanticCustomError("date", "a date is written as 2026-11-30")
    return raw


def _no_truth(raw: object) -> object:
    # Python counts True as 1: a client that sends true for a number has made a mistake it should hear of.
    if isinstance(raw, bool):
        raise PydanticCustomError("int_type", "a whole number is needed")
    return raw


def _one_line(text: str) -> str:
    # PostgreSQL refuses U+0000 in text; the other control signs are in no code, number or reason either.
    if has_control(text):
        raise PydanticCustomError("control_signs", "control signs are not taken")
    return clean(text)


def _name(text: str) -> str:
    # A name with control signs is left as it is: the rules of patients refuse it, and say why.
    return text if has_control(text) else clean(text)


IsoDate = Annotated[
    date, BeforeValidator(_iso_date), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-30"]})
]
"""A day, written 2026-11-30."""

Name = Annotated[str, StringConstraints(max_length=400), AfterValidator(_name)]
"""A person's name, NFC and trimmed; the rules of patients say what a name is."""

ShortText = Annotated[str, StringConstraints(max_length=64), AfterValidator(_one_line)]
"""Codes, numbers and other one-line inputs, NFC and trimmed."""

Whole = Annotated[int, BeforeValidator(_no_truth)]
"""A whole number."""


class Command(BaseModel):
    """An imperative somebody gives us, parsed once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
