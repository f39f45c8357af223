"""What the drafter came to believe of a file, and why. Never a patient's value: counts, headers and words of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field

FILL_IN = "FILL IN"
"""Stands in the draft for what could not be told; the feed's own checks refuse it wherever it stands."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One key of the feed.

    Attributes:
        value: what the feed should say; None when it cannot be told.
        evidence: why, one line each; without values of patients.
        choices: what it may be, where it cannot be told, best first.
    """

    value: object = None
    evidence: tuple[str, ...] = ()
    choices: tuple[object, ...] = ()

    @property
    def told(self) -> bool:
        """Whether the file itself says it."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows of cells.

    Attributes:
        header: names of the columns, trimmed; of messages the places that were read.
        rows: cells, trimmed, all as wide as the header.
        ragged: rows that were narrower than the header.
        partial: there were more rows than were looked at.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    ragged: int = 0
    partial: bool = False

    def column(self, place: int) -> list[str]:
        """The cells of a column that are not empty."""
        return [row[place] for row in self.rows if row[place]]


class CannotTellError(Exception):
    """Nothing can be proposed; the message says why, without a value of the file."""


@dataclass(slots=True)
class Findings:
    """Keys and what is believed of them, in the order of the feed; what is odd; what is not read.

    Attributes:
        keys: by dotted key.
        notes: for whoever fills in the rest.
        personal: headers of columns with personal data.
        unread: headers of the columns that mean nothing to a feed.
    """

    keys: dict[str, Guess] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    personal: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def say(self, key: str, value: object, *evidence: str) -> None:
        """The file tells it."""
        self.keys[key] = Guess(value, evidence)

    def ask(self, key: str, choices: Sequence[object], *evidence: str) -> None:
        """The file does not tell it."""
        self.keys[key] = Guess(None, evidence, tuple(choices))
