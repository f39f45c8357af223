"""Enums of what goes out. Values appear in files' names and in the database, so they are never renamed."""

from enum import StrEnum
from typing import Final


class OutKind(StrEnum):
    """What a file tells."""

    FULL = "full"  # every visit of a window of days
    CHANGES = "changes"  # what is not as it was told last


class OutEvent(StrEnum):
    """What happened to a visit since it was told last; each with its event of HL7."""

    NEW = "new"  # S12
    MOVED = "moved"  # S13: another time, practitioner or room
    CHANGED = "changed"  # S14: anything else
    CANCELLED = "cancelled"  # S15
    NOSHOW = "noshow"  # S26

    @property
    def sign(self) -> str:
        """One letter, by which a file remembers what it told of each visit."""
        return _SIGNS[self]

    @classmethod
    def of_sign(cls, sign: str) -> "OutEvent":
        """The other way round."""
        return next(event for event, letter in _SIGNS.items() if letter == sign)


_SIGNS = {
    OutEvent.NEW: "n", OutEvent.MOVED: "m", OutEvent.CHANGED: "c", OutEvent.CANCELLED: "x", OutEvent.NOSHOW: "s",
}  # fmt: skip


class OutAnswer(StrEnum):
    """What the hospital's software answered about one visit of a file."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


PERSONAL = ("name", "birth_date", "sex", "phone", "citizen_id", "insurance_number", "ward", "guardian")
"""What may be told of a person, each only where the facility's terms name it."""

NAME_TAKEN: Final = "name_taken"
"""Why a file waits, besides a `ServerProblem`: something that is not ours lies there under its name."""
