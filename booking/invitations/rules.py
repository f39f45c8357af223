"""What a slip must hold, and when one may come. Pure: plain values in, a value out or a refusal."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from booking.invitations.errors import InvitationRefused
from booking.patients.errors import BhytRefused, CitizenIdRefused
from booking.patients.identity import Mark, bhyt_mark, citizen_mark, read_bhyt, read_citizen_id
from booking.patients.rules import Birth

EARLY: Final = timedelta(days=3)
"""Before the day on the slip one may come too: a free place is worth more than the exact day."""

LATE: Final = timedelta(days=10)
"""After the day on the slip it is good so long, unless the hospital says otherwise. To be confirmed by the city."""

_LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Window:
    """The days on which a slip may be used, both included."""

    first: date
    last: date

    def covers(self, day: date) -> bool:
        """Whether a visit on that day uses the slip."""
        return self.first <= day <= self.last


def window(due: date, *, first: date | None, last: date | None) -> Window:
    """The window of a slip; what the hospital does not say is the usual span around the day.

    Raises:
        InvitationRefused: the days are in the wrong order or a year apart.
    """
    found = Window(first or due - EARLY, last or due + LATE)
    if not found.first <= due <= found.last or found.last - found.first > _LONGEST:
        raise InvitationRefused(field="due", reason="days")
    return found


def marks(citizen_ids: tuple[str, ...], bhyt_numbers: tuple[str, ...]) -> list[Mark]:
    """The numbers a person may be known by; those no paper can have are left out: files hold errors.

    Raises:
        InvitationRefused: none is left, and a name alone never tells who somebody is.
    """
    found: list[Mark] = []
    for raw in citizen_ids:
        try:
            found.append(citizen_mark(read_citizen_id(raw).number))
        except CitizenIdRefused:
            continue
    for raw in bhyt_numbers:
        try:
            found.append(bhyt_mark(read_bhyt(raw)))
        except BhytRefused:
            continue
    if not found:
        raise InvitationRefused(field="bhyt_numbers", reason="numbers")
    return list(dict.fromkeys(found))


def same_birth(slip: Birth, person: Birth) -> bool:
    """Whether a slip's birth is a person's: the day where the slip has it, the year where it has no more.

    A year alone would prove nothing: the number of a citizen ID holds it.
    """
    if slip.day is not None:
        return slip.day == person.day
    return slip.year == person.year
