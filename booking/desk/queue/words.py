"""Sentences of the queue at the desk: why somebody is next, what was done."""

from collections.abc import Mapping
from typing import Final

from booking.i18n import Language, show_time, translate
from booking.i18n import marked as _
from booking.patients.kinds import PriorityClass
from booking.queue.kinds import WhyNext
from booking.queue.rules import Turn

PRIORITIES: Final[Mapping[PriorityClass, str]] = {
    PriorityClass.UNDER_6: _("child under 6"),
    PriorityClass.PREGNANT: _("pregnant"),
    PriorityClass.ESPECIALLY_SEVERE_DISABILITY: _("especially severe disability"),
    PriorityClass.SEVERE_DISABILITY: _("severe disability"),
    PriorityClass.OVER_75: _("75 or older"),
    PriorityClass.MERITORIOUS: _("person of merit"),
}

WHY: Final[Mapping[WhyNext, str]] = {
    WhyNext.PRIORITY: _("Next by priority of the law, confirmed: %(priority)s."),
    WhyNext.IN_BETWEEN: _("Next because %(ratio)s people with priority went before."),
    WhyNext.WAITED_LONG: _("Next because of waiting %(minutes)s minutes longer than the first with priority."),
    WhyNext.BOOKED: _("Next by the booked time, %(since)s."),
    WhyNext.ARRIVED: _("Next by arrival, %(since)s."),
    WhyNext.PUT_BACK: _("Next by when the number was put back, %(since)s."),
    WhyNext.FROM_TESTS: _("Next because of being back from tests; first called at %(since)s."),
    WhyNext.EARLY: _("Nobody else is due: came before the booked time, %(since)s."),
}

DONE: Final[Mapping[str, str]] = {
    "check_in": _("%(number)s has checked in."),
    "walk_in": _("%(number)s was given out."),
    "call": _("%(number)s was called."),
    "recall": _("%(number)s was called again."),
    "enter": _("%(number)s is in the room."),
    "finish": _("%(number)s is done."),
    "skip": _("%(number)s was passed over."),
    "put_back": _("%(number)s is back in the line."),
    "to_tests": _("%(number)s went for tests."),
    "from_tests": _("%(number)s is back from tests."),
    "leave": _("%(number)s has left."),
    "transfer": _("%(number)s was sent to another line."),
    "verify": _("Priority of %(number)s was settled."),
    "emergency": _("Emergency %(number)s was called."),
    "no_show": _("%(number)s is marked as not having come."),
    "late": _("A delay of %(number)s minutes was announced."),
    "late_text": _("A delay of %(number)s minutes was announced; the SMS go in two minutes."),
    "late.0": _("The delay was taken back."),
    "paper": _("%(number)s was entered from paper."),
    "undo": _("Taken back: %(number)s is as before."),
    "there_waiting": _("%(number)s had checked in already."),
    "there_called": _("%(number)s had checked in already and is called."),
    "there_in_room": _("%(number)s had checked in already and is in the room."),
    "there_at_tests": _("%(number)s was sent for tests. Back from them?"),
    "there_skipped": _("%(number)s was passed over. Put it back into the line?"),
    "there_left": _("%(number)s had left. Put it back into the line?"),
    "there_done": _("%(number)s was seen already today."),
}
"""What was done, by its step; `there_…`: nothing was, for she had checked in, and her number is in that state."""


def done(what: str, number: str, language: Language) -> str:
    """The sentence of something done; empty for what is none of ours."""
    text = DONE.get(f"{what}.{number}") or DONE.get(what)
    return "" if text is None else _filled(text, language, {"number": number})


def _filled(text: str, language: Language, facts: Mapping[str, object]) -> str:
    said = translate(language, text)
    return said % facts if "%(" in said else said


def priority(value: PriorityClass, language: Language) -> str:
    """The name of a class of priority."""
    return translate(language, PRIORITIES[value])


def priorities(language: Language) -> dict[str, str]:
    """All classes by value, for a list to choose from."""
    return {value.value: translate(language, text) for value, text in PRIORITIES.items()}


def why(turn: Turn, language: Language) -> str:
    """The sentence why somebody is next."""
    facts = dict(turn.facts)
    if "since" in facts:
        facts["since"] = show_time(facts["since"])  # type: ignore[arg-type]
    if "priority" in facts:
        facts["priority"] = priority(PriorityClass(str(facts["priority"])), language)
    return _filled(WHY[turn.why], language, facts)
