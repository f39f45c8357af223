"""Whether something is still what somebody saw when she began to change it."""

import hashlib

from sqlmodel import SQLModel

from booking.directory.errors import ChangedMeanwhile

NOTHING = ""
"""The mark of what is not there yet."""


def mark(row: SQLModel | None) -> str:
    """A short word that changes with anything in the row; a form carries it along. `NOTHING` where there is no row."""
    return NOTHING if row is None else hashlib.sha256(row.model_dump_json().encode()).hexdigest()[:16]


def check(row: SQLModel | None, seen: str) -> None:
    """Whether the row, locked by the caller, is what was seen.

    Raises:
        ChangedMeanwhile: somebody else was faster.
    """
    if mark(row) != seen:
        raise ChangedMeanwhile
