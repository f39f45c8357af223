"""What can go wrong, as codes and facts: no HTTP, no sentences.

    BookingError
    ├── NotFound      it does not exist for the one who asks (also: it belongs to someone else)
    ├── Conflict      the world changed: the slot is full, the key was used for something else
    ├── RuleBroken    the request can never work as it stands
    ├── NotAllowed    known, but not permitted
    ├── TooMany       a limit of ours; `retry_after` says when
    └── Busy          try again shortly; nothing was changed, or the outcome is not known yet

Statuses live in one table in web/problems.py, texts in locale/. Every `code` is documented in docs/errors.md.
"""

from typing import ClassVar


class BookingError(Exception):
    """The root. `facts` are plain values a reader may be shown; never personal data."""

    code: ClassVar[str] = "error"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code


class NotFound(BookingError):
    """It does not exist for the one who asks."""

    code = "not_found"


class Conflict(BookingError):
    """The world changed since the reader looked."""

    code = "conflict"


class RuleBroken(BookingError):
    """The request can never work as it stands. `field` names the place at fault where there is one."""

    code = "rule_broken"


class NotAllowed(BookingError):
    """Known, but not permitted."""

    code = "not_allowed"


class TooMany(BookingError):
    """A limit of ours was reached; `retry_after` is in seconds."""

    code = "too_many"


class Busy(BookingError):
    """Try again shortly."""

    code = "busy"


class OutcomeUnknown(Busy):
    """The answer of the database was lost; whether the work was done is not known yet. The same key finds out."""

    code = "outcome_unknown"


def every_error(root: type[BookingError] = BookingError) -> list[type[BookingError]]:
    """All error classes that are loaded, the root first: for the tables that must name each."""
    return [root, *(found for child in root.__subclasses__() for found in every_error(child))]
