"""What a file said, in numbers: for the IT officer, the history and the guards. Never a patient's data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from booking.clock import ZONE
from booking.exchange.guarding import Signs, Verdict
from booking.exchange.rules import Refused, Span, Trace
from scheduler.exports.reader import Note
from scheduler.exports.states_read import StateRead
from scheduler.exports.wording import explain_guard, explain_note, explain_refusal

STATES = 50
LISTED = 200
"""So many refusals and notes are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """One file, read by one feed.

    Attributes:
        feed: the feed's code.
        facility: our code of the facility.
        read: rows that apply (those outside the coverage included); closes + releases.
        closes: of these, rows that take their time.
        releases: rows that do not.
        offers: of the releasing ones, those that offer the time.
        assumed_ends: rows without a usable end.
        skipped: sound rows that apply nothing, by reason.
        refused: rows that cannot be used, by reason.
        refused_rows: the first `LISTED` of them.
        notes: rows used though something is odd, by reason.
        noted_rows: the first `LISTED` of them.
        unmapped: rows by resource key that the feed neither maps nor ignores.
        unknown_states: rows by state that the feed does not name (they close); "" for an empty one.
        first_start: earliest start of a row read inside the coverage, UTC.
        last_start: latest.
        window: the coverage in UTC, when the feed states one.
        signs: what the guards look at.
        verdict: what they say, without knowing the file before.
        busy: per resource the times taken, in UTC, by the rows that lie in the coverage or reach into it.
        states: every word of a state, and what it does.
        traces: what is known of rows that cannot be used; shown to nobody.
    """

    feed: str
    facility: str
    read: int
    closes: int
    releases: int
    offers: int
    assumed_ends: int
    skipped: Mapping[str, int]
    refused: Mapping[str, int]
    refused_rows: tuple[Refused, ...]
    notes: Mapping[str, int]
    noted_rows: tuple[Note, ...]
    unmapped: Mapping[str, int]
    unknown_states: Mapping[str, int]
    first_start: datetime | None
    last_start: datetime | None
    window: Span | None
    signs: Signs
    verdict: Verdict
    busy: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    states: tuple[StateRead, ...] = ()
    traces: tuple[Trace, ...] = ()

    @property
    def closed_by_unknown_state(self) -> int:
        """Rows that close only because the feed does not name their state."""
        return sum(each.rows for each in self.states if not each.named)

    def as_json(self, *, with_busy: bool = True) -> dict[str, object]:
        """Plain values as `docs/feeds.md` describes them. Times in the facility's zone with their offset."""
        plain: dict[str, object] = {
            "feed": self.feed,
            "facility": self.facility,
            "readable": True,
            "read": self.read,
            "closes": self.closes,
            "releases": self.releases,
            "offers": self.offers,
            "assumed_ends": self.assumed_ends,
            "skipped": dict(self.skipped),
            "refused": listing(self.refused, [listed(row, explain_refusal(row)) for row in self.refused_rows]),
            "notes": listing(self.notes, [listed(row, explain_note(row)) for row in self.noted_rows]),
            "unmapped_resources": dict(self.unmapped),
            "unknown_states": dict(self.unknown_states),
            "closed_by_unknown_state": self.closed_by_unknown_state,
            "states": [each.as_json() for each in self.states[:STATES]],
            "first_start": local(self.first_start),
            "last_start": local(self.last_start),
            "coverage": [local(self.window[0]), local(self.window[1])] if self.window else None,
            "signs": self.signs.plain(),
            "verdict": verdict_as_json(self.verdict),
        }
        if with_busy:
            plain["closed"] = {
                code: [[local(start), local(end)] for start, end in spans] for code, spans in self.busy.items()
            }
        return plain


def verdict_as_json(verdict: Verdict) -> dict[str, object]:
    """What guards say, with their sentences."""
    reasons = [
        {"reason": reason.value, "facts": dict(facts), "text": explain_guard(reason, facts)}
        for reason, facts in verdict.reasons
    ]
    return {"kind": verdict.kind.value, "reasons": reasons}


def local(moment: datetime | None) -> str | None:
    """ISO 8601 in the facility's zone, such as `2026-11-23T07:30:00+07:00`."""
    return None if moment is None else moment.astimezone(ZONE).isoformat()


def most(counted: Counter[str], limit: int = 50) -> dict[str, int]:
    """The most frequent, for a report that a file of a thousand wrong keys must not fill."""
    return dict(counted.most_common(limit))


def listing(counts: Mapping[str, int], rows: list[dict[str, object]]) -> dict[str, object]:
    """Refusals or notes: counted all, listed the first."""
    return {"total": sum(counts.values()), "by_reason": dict(counts), "rows": rows}


def listed(row: Refused | Note, text: str) -> dict[str, object]:
    """One of them, with its sentence."""
    return {"line": row.line, "reason": row.reason.value, "facts": dict(row.facts), "text": text}
