"""What stands in the form of a closing, and the command it makes."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from booking import ids
from booking.appointments.closing.commands import CloseTimes, Span
from booking.appointments.closing.errors import ClosingRefused
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.appointments.errors import KeyMissing
from booking.clock import ZONE, at_local
from booking.desk.calendar.typed import Typed
from booking.i18n import Language, translate
from booking.i18n import marked as _

REASONS: Final[Mapping[str, str]] = {
    "away": _("The doctor is away unexpectedly"),
    "weather": _("Bad weather"),
    "trouble": _("Trouble with power or water"),
}
"""What patients are told; `other` is in one's own words."""

WRONG: Final[Mapping[str, str]] = {
    "span": _("The end must be after the beginning."),
    "past": _("These times are over."),
    "long": _("At most 62 days can be closed at once."),
    "nothing": _("Nothing takes place in these times, so there is nothing to close."),
    "scope": _("Choose from the list."),
    "answer": _("Choose what becomes of the people."),
    "reason": _("Say why, in a few words; patients read it."),
    "day": _("Enter a day and a time."),
}
_LONGEST: Final = 200
_NUMBER: Final = 15


def first(asked: datetime, *, session: str = "", day: str = "", city: bool = False) -> Typed:
    """The form as it opens: from now to the end of today, or of the day one comes from."""
    local = asked.astimezone(ZONE)
    try:
        start = date.fromisoformat(day)
    except ValueError:
        start = local.date()
    today = start <= local.date()
    scope = ClosingScope.CITY if city else ClosingScope.SESSION if session.isdecimal() else ClosingScope.FACILITY
    return Typed({
        "key": str(ids.public_id()), "scope": scope.value, "session": session[:_NUMBER],
        "from_day": (local.date() if today else start).isoformat(),
        "from_time": f"{local:%H:%M}" if today else "00:00",
        "to_day": (local.date() if today else start).isoformat(), "to_time": "23:59",
        "answer": ClosingAnswer.MOVE.value, "why": "away",
    })  # fmt: skip


def afresh(typed: Typed) -> Typed:
    """The same values for another closing: a key closes once."""
    return Typed({**typed.values, "key": str(ids.public_id())})


def command_of(typed: Typed, *, city: bool) -> CloseTimes:
    """The command a form makes.

    Raises:
        ClosingRefused: with the field at fault.
        KeyMissing: it does not carry the key that was minted into it.
    """
    try:
        key = UUID(typed["key"])
    except ValueError:
        raise KeyMissing from None
    if typed["answer"] not in set(ClosingAnswer):
        raise ClosingRefused(reason="answer", field="answer")
    said, said_en = _reason(typed)
    return CloseTimes(
        key=key, span=_span(typed, city=city), answer=ClosingAnswer(typed["answer"]),
        send_now=bool(typed["send_now"]), reason=said, reason_en=said_en,
    )  # fmt: skip


def _span(typed: Typed, *, city: bool) -> Span:
    scope = typed["scope"]
    if scope not in set(ClosingScope) or (scope == ClosingScope.CITY) != city:
        raise ClosingRefused(reason="scope", field="scope")
    if scope == ClosingScope.SESSION:
        raw = typed["session"]
        if not (raw.isascii() and raw.isdecimal() and len(raw) <= _NUMBER and int(raw)):
            raise ClosingRefused(reason="scope", field="session")
        # A session brings its own times.
        any_time = at_local(date(2026, 1, 1), time(0)), at_local(date(2026, 1, 1), time(1))
        return Span(scope=ClosingScope.SESSION, session_id=int(raw), starts_at=any_time[0], ends_at=any_time[1])
    starts, ends = _moment(typed, "from"), _moment(typed, "to")
    practitioner = typed["practitioner"][:64] if scope == ClosingScope.PRACTITIONER else None
    if scope == ClosingScope.PRACTITIONER and not practitioner:
        raise ClosingRefused(reason="scope", field="practitioner")
    return Span(scope=ClosingScope(scope), practitioner=practitioner, starts_at=starts, ends_at=ends)


def _moment(typed: Typed, edge: str) -> datetime:
    try:
        return at_local(date.fromisoformat(typed[f"{edge}_day"]), time.fromisoformat(typed[f"{edge}_time"]))
    except (ValueError, OverflowError):
        raise ClosingRefused(reason="day", field=f"{edge}_day") from None


def _reason(typed: Typed) -> tuple[str, str]:
    """What patients are told, in both languages."""
    known = REASONS.get(typed["why"])
    if known is not None:
        return translate("vi", known), known
    said = typed["reason"]
    if not said or len(said) > _LONGEST:
        raise ClosingRefused(reason="reason", field="reason")
    return said, typed["reason_en"][:_LONGEST]


def wrong(typed: Typed, refused: ClosingRefused, language: Language) -> Typed:
    """The same values, with what is wrong beside the field at fault."""
    reason, at = str(refused.facts.get("reason", "")), str(refused.facts.get("field", "scope"))
    return typed.wrong({at: translate(language, WRONG[reason])})
