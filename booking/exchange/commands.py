"""What the exchange is asked to do. Nothing here was typed by a person: a reader of exports made it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.rules import Span, StagedRow, Trace


@dataclass(frozen=True, slots=True)
class Terms:
    """How the rows of a feed are to be understood. Kept beside its last applied file, for slots published later.

    Attributes:
        meaning: what absence says.
        window: the period that file spoke about, in UTC; None when the feed states none.
        slot_minutes: the resources the feed maps, each with the length of a visit where no calendar tells.
        ours_listed: its snapshots have our own bookings too, so that one that is gone says something.
        numbered: a visit tells at once of all who examine, the second and further under its id with ` #2` behind it.
    """

    meaning: AbsenceMeaning
    window: Span | None
    slot_minutes: Mapping[str, int]
    ours_listed: bool = False
    numbered: bool = False

    def beside(self, earlier: "Terms") -> "Terms":
        """The terms under which these, applied to closings only, open nothing that the earlier ones close.

        A shorter period, or a resource that is named no more, would open what a list of free times does not offer.
        """
        if earlier.meaning is not AbsenceMeaning.FREE_LIST or earlier.window is None:
            return self
        window = earlier.window
        if self.meaning is AbsenceMeaning.FREE_LIST and self.window is not None:
            window = min(window[0], self.window[0]), max(window[1], self.window[1])
        return replace(earlier, window=window, slot_minutes={**earlier.slot_minutes, **self.slot_minutes})

    def plain(self) -> dict[str, object]:
        """As JSON keeps it."""
        window = [moment.isoformat() for moment in self.window] if self.window else None
        plain = {"meaning": self.meaning.value, "window": window, "slot_minutes": dict(self.slot_minutes)}
        return plain | {"ours_listed": self.ours_listed, "numbered": self.numbered}

    @staticmethod
    def from_plain(kept: Mapping[str, Any]) -> "Terms":
        """The other way round."""
        window = kept["window"]
        span = (datetime.fromisoformat(window[0]), datetime.fromisoformat(window[1])) if window else None
        meaning = AbsenceMeaning(kept["meaning"])
        told = {name: kept.get(name, False) for name in ("ours_listed", "numbered")}
        return Terms(meaning, span, kept["slot_minutes"], **told)


@dataclass(frozen=True, slots=True)
class Content:
    """One file of a feed.

    Attributes:
        feed: the feed's code.
        facility: our code of the facility.
        definition: a hash of what the feed says: the same bytes read by a corrected feed are another file.
        file_name: under which name it came.
        sha256: of its bytes.
        size: in bytes.
        report: what was read, as JSON; no personal data.
        old_minutes: after so long without a file its data is old.
        of_slips: it says nothing of the calendar.
    """

    feed: str
    facility: str
    definition: str
    file_name: str
    sha256: bytes
    size: int
    report: Mapping[str, object]
    old_minutes: int = 120
    of_slips: bool = False


@dataclass(frozen=True, slots=True)
class ApplyExport:
    """Apply what a file says.

    Attributes:
        content: the file.
        rows: its rows that lie in the coverage, or reach into it.
        signs: what the guards look at, by the feed alone.
        limits: above which the guards speak.
        terms: how the rows are to be understood.
        traces: what is known of the rows that cannot be used.
    """

    content: Content
    rows: Sequence[StagedRow]
    signs: Signs
    limits: Thresholds
    terms: Terms
    traces: Sequence[Trace] = ()
