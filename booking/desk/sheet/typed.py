"""Reading the form of a day on paper: a row for each person, lines for those who came without booking.

A row in which nothing was typed is left alone. Times alone are enough: who was called or done was seen, who only came
still waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final
from uuid import UUID, uuid5

from starlette.datastructures import FormData

from booking.errors import BookingError
from booking.i18n import Language
from booking.patients.errors import BirthRefused
from booking.queue.paper.commands import EnterRow, EnterWalkIn
from booking.queue.paper.kinds import Outcome
from booking.queue.paper.queries import Entry
from booking.queue.paper.rules import read_clock
from booking.web.form_values import text_of
from booking.web.person_forms import number_of
from booking.web.problems import sentence, status_of

TIMES: Final = ("came", "called", "finished")
ROW: Final = ("what", *TIMES)
WALK: Final = ("name", "birth_year", "service", "paper_number", *ROW)
LINES: Final = 6
"""Lines for those who came without booking; saving makes room for as many again."""

_LONGEST: Final = 64


@dataclass(slots=True)
class Line:
    """What was typed of one person, and what is wrong with it: field → what happened and what to do; "" for all."""

    key: str
    typed: Mapping[str, str]
    was: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def filled(self) -> bool:
        """Whether anything was typed; a service alone is only chosen beforehand."""
        return any(value for name, value in self.typed.items() if name != "service")

    def get(self, name: str) -> str:
        """What was typed."""
        return self.typed.get(name, "")

    def refuse(self, error: BookingError, language: Language) -> None:
        """Note why it was not entered."""
        named = str(error.facts.get("field", ""))
        place = "birth_year" if named == "birth_date" else named
        self.errors.setdefault(place if place in WALK else "", " ".join(sentence(error, language)))
        self.status = max(self.status, status_of(error))


def empty(key: str, was: str = "") -> Line:
    """A line nobody has typed into."""
    return Line(key, {}, was)


@dataclass(frozen=True, slots=True)
class Sent:
    """A whole form. `once` names it: sent again, it enters nothing twice."""

    once: UUID
    rows: list[Line]
    walks: list[Line]

    def once_of(self, line: Line) -> UUID:
        """The name of one line's act."""
        return uuid5(self.once, line.key)


def read(form: FormData, once: UUID) -> Sent:
    """What was typed, unread."""
    keys = [name.removeprefix("was:")[:_LONGEST] for name in form if name.startswith("was:")]
    rows = [_line(form, key, ROW, was=text_of(form, f"was:{key}")[:_LONGEST]) for key in keys]
    walks = [_line(form, f"w{number}", WALK) for number in range(1, LINES + 1)]
    return Sent(once, rows, walks)


def _line(form: FormData, key: str, names: tuple[str, ...], was: str = "") -> Line:
    return Line(key, {name: text_of(form, f"{name}:{key}").strip()[:_LONGEST] for name in names}, was)


def row_command(
    sent: Sent, line: Line, entry: Entry, *, facility: str, day: date, language: Language
) -> EnterRow | None:
    """The command of a row; None where a time is none."""
    written = _written(line, language)
    if written is None:
        return None
    return EnterRow(
        facility=facility, day=day, once=sent.once_of(line), code=entry.code,
        ticket=entry.ticket if entry.code is None else None, was=line.was, **written,
    )  # fmt: skip


def walk_command(sent: Sent, line: Line, *, facility: str, day: date, language: Language) -> EnterWalkIn | None:
    """The command of a line of somebody who came without booking; None where something cannot be read."""
    written = _written(line, language)
    year = number_of(line.get("birth_year"))
    if line.get("birth_year") and year is None:
        line.refuse(BirthRefused(field="birth_year", reason="missing"), language)
    if written is None or line.errors:
        return None
    return EnterWalkIn(
        facility=facility, day=day, once=sent.once_of(line), service=line.get("service"),
        name=line.get("name") or None, birth_year=year, paper_number=line.get("paper_number") or None, **written,
    )  # fmt: skip


def _written(line: Line, language: Language) -> dict[str, Any] | None:
    times: dict[str, time | None] = {}
    for name in TIMES:
        try:
            times[name] = read_clock(line.get(name), field=name)
        except BookingError as error:
            line.refuse(error, language)
    if line.errors:
        return None
    what = line.get("what")
    return {**times, "outcome": Outcome(what) if what in set(Outcome) else _meant(times)}


def _meant(times: Mapping[str, time | None]) -> Outcome:
    return Outcome.SEEN if times["called"] or times["finished"] else Outcome.WAITS
