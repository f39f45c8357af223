"""The form fields of a person, read into a command; errors stand beside their fields. `person_fields.html` shows them.

typed = person_forms.read(form, today=…, language=…)
if typed.command is None: show the form again with typed.values and typed.errors
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from starlette.datastructures import FormData

from booking.errors import BookingError
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.patients.commands import AddProfile
from booking.patients.consents import WORDINGS, Answer
from booking.patients.errors import BirthRefused
from booking.patients.identity import Disagreement, read_bhyt, read_citizen_id
from booking.patients.kinds import Consenter, ConsentPurpose, PriorityClass, Relation, Sex
from booking.patients.rules import Birth, check_claim, read_birth, read_guardian, read_name, read_ward
from booking.text import clean
from booking.web.form_values import text_of
from booking.web.problems import sentence

ESSENTIAL = ("relation", "name", "birth_day", "birth_month", "birth_year", "guardian_name")
OPTIONAL = ("sex", "citizen_id", "bhyt_number", "ward", "priority")
FIELDS = (*ESSENTIAL, *OPTIONAL)
"""In the order of the page. The guardian is asked only once it is known that the person is a minor."""

IMPOSSIBLE_DAY = _("There is no such day. Check day and month, or enter the year only.")
HALF_A_DAY = _("Enter both day and month, or the year only.")
_CHOOSE = _("Choose for whom the visit is.")

DISAGREEMENTS: Mapping[Disagreement, str] = {
    Disagreement.YEAR: _("The citizen ID speaks of another year of birth. Please compare both with the card."),
    Disagreement.SEX: _("The citizen ID speaks of another sex. Please compare both with the card."),
}

Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class TypedPerson:
    """What was typed, as it was typed, and what is wrong: field → what happened and what to do.

    `command` is None while something is wrong.
    """

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    command: AddProfile | None = None

    @property
    def more(self) -> bool:
        """Whether the optional part holds something, and is to be open."""
        return any(self.values.get(name) or name in self.errors for name in OPTIONAL)

    @property
    def asks_guardian(self) -> bool:
        """Whether the guardian's name is asked for."""
        return bool(self.values.get("guardian_name")) or "guardian_name" in self.errors

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The errors for the list at the top: the id of the field, and the text."""
        first = {"relation": "relation-self", "sex": "sex-female", "priority": "priority-none"}
        return [(first.get(name, name), text) for name, text in self.errors.items()]


def nothing(**values: str) -> TypedPerson:
    """An empty form, but for `values`."""
    return TypedPerson(dict.fromkeys(FIELDS, "") | values)


def keep(form: FormData) -> TypedPerson:
    """What was typed, unread: to carry it to another page."""
    return TypedPerson({name: text_of(form, name) for name in FIELDS})


def read(form: FormData, *, today: date, language: Language) -> TypedPerson:
    """Read the form; every field that is wrong is told at once."""
    return read_values(keep(form).values, today=today, language=language)


def read_values(values: Mapping[str, str], *, today: date, language: Language) -> TypedPerson:
    """Likewise, of what was taken from a form already."""
    reader = _Reader(values, today, language)
    relation = reader.chosen("relation", Relation)
    if relation is None and "relation" not in reader.errors:
        reader.refuse("relation", _CHOOSE)
    reader.tried("name", lambda: read_name(values["name"]))
    birth = reader.birth()
    if birth is not None and relation is not None:
        guardian = values["guardian_name"]
        reader.tried("guardian_name", lambda: read_guardian(guardian, birth=birth, relation=relation, on=today))
    for name, check in (("citizen_id", read_citizen_id), ("bhyt_number", read_bhyt)):
        if clean(values[name]):
            reader.tried(name, _check(check, values[name]))
    sex, priority = reader.chosen("sex", Sex), reader.chosen("priority", PriorityClass)
    reader.tried("priority", lambda: check_claim(priority))
    if reader.errors or birth is None or relation is None:
        return TypedPerson(values, {name: reader.errors[name] for name in FIELDS if name in reader.errors})
    command = AddProfile(
        name=values["name"], birth_date=birth.day, birth_year=None if birth.day else birth.year, relation=relation,
        sex=sex, citizen_id=clean(values["citizen_id"]) or None, bhyt_number=clean(values["bhyt_number"]) or None,
        ward=read_ward(values["ward"]), guardian_name=values["guardian_name"] or None, priority=priority,
    )  # fmt: skip
    return TypedPerson(values, {}, command)


def _check(reads: Callable[[str], object], raw: str) -> Callable[[], object]:
    return lambda: reads(raw)


class _Reader:
    """Fields read one by one, each with its own error."""

    def __init__(self, values: Mapping[str, str], today: date, language: Language) -> None:
        self.values, self.today, self.language = values, today, language
        self.errors: dict[str, str] = {}

    def refuse(self, name: str, error: BookingError | str) -> None:
        text = translate(self.language, error) if isinstance(error, str) else " ".join(sentence(error, self.language))
        self.errors.setdefault(name, text)

    def tried(self, name: str, read: Callable[[], Any]) -> Any | None:
        try:
            return read()
        except BookingError as error:
            self.refuse(name, error)
            return None

    def chosen(self, name: str, kind: type[Kind]) -> Kind | None:
        """A member of a list; what no button of ours says counts as nothing chosen."""
        return kind(self.values[name]) if self.values[name] in set(kind) else None

    def birth(self) -> Birth | None:
        try:
            year = number_of(self.values["birth_year"])
            day = birth_day(self.values, year)
            return read_birth(day=day, year=year, today=self.today)
        except ValueError as error:
            self.refuse("birth_year", str(error))
        except BookingError as error:
            self.refuse("birth_year", error)
        return None


def birth_day(values: Mapping[str, str], year: int | None) -> date | None:
    """The day of three fields; None where only the year was given.

    Raises:
        BirthRefused: no year.
        ValueError: half a day, or one no calendar has; the text says which.
    """
    parts = [clean(values["birth_day"]), clean(values["birth_month"])]
    if year is None:
        raise BirthRefused(reason="missing")
    if not any(parts):
        return None
    if not all(parts):
        raise ValueError(HALF_A_DAY)
    day, month = (number_of(part) or 0 for part in parts)
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(IMPOSSIBLE_DAY) from None


def number_of(raw: str) -> int | None:
    """A number of at most four digits; None for anything else."""
    text = clean(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("2026") else None


@dataclass(frozen=True, slots=True)
class Question:
    """One question of consent as a page asks it; its field is `consent_` and the purpose.

    `granted` and `by`: how it was answered before, and by whom. `lapsed`: it was, by a guardian of somebody now of age.
    `older`: it was agreed to when the text said less.
    """

    purpose: ConsentPurpose
    text: str
    refused: str
    granted: bool | None = None
    by: Consenter | None = None
    lapsed: bool = False
    older: bool = False

    @property
    def field(self) -> str:
        """The name of its checkbox."""
        return f"consent_{self.purpose.value}"


def questions(
    purposes: Iterable[ConsentPurpose], language: Language, before: Mapping[ConsentPurpose, Answer] | None = None
) -> list[Question]:
    """What to ask, in the reader's language; `before` says how each was answered."""
    held = before or {}
    return [_question(one, held.get(one), language) for one in purposes]


def _question(one: ConsentPurpose, last: Answer | None, language: Language) -> Question:
    text, refused = (translate(language, said) for said in (WORDINGS[one].text, WORDINGS[one].refused))
    if last is None:
        return Question(one, text, refused)
    granted = last.granted if last.stands else None
    return Question(one, text, refused, granted, last.consenter, not last.stands, last.older and last.stands)


def answers(form: FormData, purposes: Iterable[ConsentPurpose]) -> dict[ConsentPurpose, bool]:
    """The answers to what was asked: a box that was not ticked is a no."""
    return {one: text_of(form, f"consent_{one.value}") == "yes" for one in purposes}
