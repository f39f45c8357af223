"""What stands in a form of the calendar, and the command it makes: shared by all its pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any, TypeVar

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData

from booking.desk.forms import raw_of
from booking.errors import BookingError
from booking.inputs import Command
from booking.web.dependencies import Asked
from booking.web.problems import field_problems, sentence

C = TypeVar("C", bound=Command)

APPLY, EDIT = "apply", "edit"
"""What the buttons of a preview send as `step`; the button of a form sends nothing."""


class FormWrong(Exception):
    """What was typed makes no command; what is wrong with which field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("form")
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Typed:
    """The values of a form by name (a box that is not ticked has none), and what is wrong with them."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def wrong(self, errors: Mapping[str, str]) -> "Typed":
        """The same values, with what is wrong with them."""
        return replace(self, errors=dict(errors))

    def refused(self, error: BookingError, asked: Asked) -> "Typed":
        """The same values, with why they were refused beside the field at fault, or above all where there is none."""
        return self.wrong({str(error.facts.get("field", "")): " ".join(sentence(error, asked.language))})


async def typed_of(request: Request) -> tuple[Typed, FormData]:
    """The form of a request."""
    form = await request.form()
    return Typed({name: raw_of(form, name).strip() for name in form}), form


def read(kind: type[C], typed: Typed, asked: Asked, **given: Any) -> C:
    """The command a form makes. Fields that are empty are left out, so that a command's own word for nothing counts.

    Raises:
        FormWrong: it makes none.
    """
    names = set(kind.model_fields) - set(given)
    values: dict[str, Any] = {
        name: typed[name] for name in names if typed[name] or kind.model_fields[name].is_required()
    }
    for name in names:
        if kind.model_fields[name].annotation is bool:
            values[name] = bool(typed[name])
    try:
        return kind(**values, **given)
    except ValidationError as error:
        raise FormWrong(
            {found["field"]: found["text"] for found in field_problems(error.errors(), asked.language)}
        ) from None


def shown(row: Any, names: Mapping[str, Any] | None = None) -> Typed:
    """A row as a form shows it."""
    values = {name: _word(value) for name, value in row.model_dump().items()} | {
        name: _word(value) for name, value in (names or {}).items()
    }
    return Typed({name: value for name, value in values.items() if value})


def _word(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)
