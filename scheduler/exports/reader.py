"""What a reader of exports is: bytes in, records out. `exports/__init__.py` lists one per format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, Protocol, TypeVar

from booking.exchange.kinds import NoteReason, SkipReason
from booking.exchange.rules import Refused, Trace
from scheduler.exports.feed import Feed
from scheduler.exports.slip_feed import SlipFeed

FeedOf_contra = TypeVar("FeedOf_contra", Feed, SlipFeed, contravariant=True)
"""The feed a format is read by: most formats hold a calendar, one holds slips."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as the file has it, mapped columns only: whatever a feed does not name is dropped here.

    Attributes:
        line: the line it begins on, from 1.
        cells: by field of the feed (`start`, `end`, `state`, `id`, ...; `resource.NAME` for the columns of the
            resource), as written, neither trimmed nor normalised.
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TakenOff(Record):
    """Somebody or something that takes part in a visit no more; `cells` say who, and in which visit."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sound row that applies nothing.

    Attributes:
        line: the line it begins on, from 1.
        reason: why.
        key: the resource that nobody mapped.
        amiss: it looks like a visit all the same: a time without anybody, or somebody without a time.
        traces: what is known of it.
    """

    line: int
    reason: SkipReason
    key: str = ""
    amiss: bool = False
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Torn(Refused):
    """A row of another width than the header: `readings` are its fields as they may stand, by where it was torn."""

    readings: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something odd about a row that is used all the same; `facts` under the rule of `Refused.facts`."""

    line: int
    reason: NoteReason
    facts: Mapping[str, str | int] = field(default_factory=dict)


class ExportReader(Protocol[FeedOf_contra]):
    """A format. It raises `ExportUnreadable` for the file, yields `Refused` or `Skipped` for a row."""

    def records(
        self, feed: FeedOf_contra, stream: BinaryIO, today: date, /
    ) -> Iterator[Record | Refused | Skipped | Note]:
        """Records in the order of the file, read as they are asked for; `today` for what repeats without end."""
        ...
