"""What every command is made of: frozen, nothing extra, dates in ISO only."""

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _iso_date(raw: object) -> object:
    # Pydantic would also take 0.5, "20261130" or a whole timestamp for a day.
    if isinstance(raw, str) and not _ISO_DATE.fullmatch(raw):
        raise ValueError("a date is written as 2026-11-30")
    if not isinstance(raw, (str, date)):
        raise ValueError("a date is written as 2026-11-30")  # noqa: TRY004  Pydantic turns ValueError into a field error
    return raw


IsoDate = Annotated[date, BeforeValidator(_iso_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A day, written 2026-11-30."""

Name = Annotated[str, StringConstraints(max_length=400)]
"""Raw text of a person's name; the rules of patients say what a name is."""

ShortText = Annotated[str, StringConstraints(max_length=64)]
"""Codes, numbers and other one-word inputs."""


class Command(BaseModel):
    """An imperative somebody gives us, parsed once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
