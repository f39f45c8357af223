"""The form that asks who comes: people of the account, somebody new, or both; read, and carried to another time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from starlette.datastructures import FormData

from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.mobile.forms import Typed
from booking.patients.kinds import ConsentPurpose, Relation
from booking.patients.queries import ProfileView
from booking.web import person_forms
from booking.web.person_forms import TypedPerson

ASKED = (ConsentPurpose.BOOKING, ConsentPurpose.SMS)
NEW = "new"
"""Ticked for somebody who is not in the list yet."""

_MOST_TICKED = 40
_LONGEST_TICKED = 40
_NOBODY = _("Choose who is coming.")
NOT_AGREED = _("Without this agreement a visit cannot be booked here.")


@dataclass(slots=True)
class Choice:
    """Who was ticked, as it was ticked, and what is wrong.

    Attributes:
        ticked: ids of people, and `new`.
        people: those of them who are in the account, in the order of its list.
        person: the fields of somebody new.
        answers: her answers to the questions of consent.
        errors: field → what to do about it; those of the person stand with her.
    """

    ticked: tuple[str, ...]
    people: list[ProfileView]
    person: TypedPerson
    answers: Mapping[ConsentPurpose, bool] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def new(self) -> bool:
        """Whether somebody new comes."""
        return NEW in self.ticked

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The errors for the list at the top: the id of the field, and the text."""
        first = {"who": "who-0"}
        return [*self.person.summary, *((first.get(name, name), text) for name, text in self.errors.items())]

    @property
    def typed(self) -> Typed:
        """What is carried along."""
        return Typed(self.person.values if self.new else {}, self.ticked)


def ticked(form: FormData) -> tuple[str, ...]:
    """Who was ticked, each once; what is too long to be ours is left out."""
    found = [value for value in form.getlist("who") if isinstance(value, str) and len(value) <= _LONGEST_TICKED]
    return tuple(dict.fromkeys(found[:_MOST_TICKED]))


def keep(form: FormData) -> Typed:
    """What was typed and ticked, unread: to carry it to another time."""
    return Typed(person_forms.keep(form).values, ticked(form))


def nothing(people: Sequence[ProfileView]) -> Choice:
    """An empty form. Of one person it is clear who comes, and of nobody too."""
    may = [one for one in people if not one.own_say]
    first = () if len(people) > 1 else (str(may[0].id),) if may else (NEW,) if not people else ()
    return Choice(first, [], _empty(people))


def _empty(people: Sequence[ProfileView]) -> TypedPerson:
    known = any(one.relation is Relation.SELF for one in people)
    return person_forms.nothing(relation="" if known else Relation.SELF.value)


def again(typed: Typed, people: Sequence[ProfileView]) -> Choice:
    """The form with what was carried along."""
    person = TypedPerson({**_empty(people).values, **typed.values}) if NEW in typed.chosen else _empty(people)
    return Choice(typed.chosen, [], person)


def read(form: FormData, people: Sequence[ProfileView], *, today: date, language: Language) -> Choice:
    """Read the form; everything that is wrong is told at once. Whoever is not the account's is not there."""
    sent = ticked(form)
    chosen = [one for one in people if str(one.id) in sent and not one.own_say]
    known = tuple(str(one.id) for one in chosen)
    choice = Choice((*known, NEW) if NEW in sent else known, chosen, _empty(people))
    if choice.new:
        choice.person = person_forms.read(form, today=today, language=language)
        choice.answers = person_forms.answers(form, ASKED)
        if not choice.answers[ConsentPurpose.BOOKING]:
            choice.errors["consent_booking"] = translate(language, NOT_AGREED)
    if not choice.ticked:
        choice.errors["who"] = translate(language, _NOBODY)
    return choice
