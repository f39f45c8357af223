"""Rows of a file that cannot be used, beside those kept: what stands in the file is not gone.

A row that is refused, belongs to nobody we know, or names no doctor says nothing about its time, and what is unknown
closes: an earlier closing under its id stays until a file shows the row readable, called off or elsewhere. Where the
export has no ids, such a row may be any that is missing at its time or with its doctor. Plain values in, plain out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from booking.exchange.rules import StagedRow, Trace

BESIDE = "\x1f"
"""Between a key and the time of a second row under it. No key of a hospital holds it: it counts as a space there."""


NUMBERED = re.compile(r"(.+) #[1-9]\d{0,2}", re.DOTALL)
"""How readers name a visit's rows beside its first."""

AGAIN = re.compile(r"(.*[^ ])#[1-9]\d*", re.DOTALL)
"""How `identities` names a second and further row of one id. A hospital's own id of this shape is told apart."""

Place = tuple[str | None, datetime | None]
"""What a row without an id tells: the resource, the begin, or both."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the traces of a file do to the rows kept.

    Attributes:
        unsure: ids under which the file has fewer rows that can be used than are kept, and some that cannot.
        freed: rows kept that the file lets go, as they count from now on.
        places: of rows without an id, those of which there are more than stood beside the rows kept before.
        told: how many rows without an id there are at each place.
        idle: how many of them are no row that is missing: they stood there while it did.
        there: ids with a row that cannot be used and lets nothing go.
    """

    unsure: frozenset[str] = frozenset()
    freed: Mapping[str, StagedRow] = field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    told: Mapping[Place, int] = field(default_factory=dict)
    idle: Mapping[Place, int] = field(default_factory=dict)
    there: frozenset[str | None] = frozenset()

    def stays(self, key: str, row: StagedRow) -> bool:
        """Whether a row kept that the file does not list may be one that cannot be used. An offer never stays."""
        return row.closes and (key.split(BESIDE, 1)[0] in self.unsure or not self.places.isdisjoint(_places(row)))

    def idle_after(self, stay: Iterable[StagedRow]) -> dict[Place, int]:
        """How many at each place are none of the rows that stay because of them: what is missing next is not these."""
        needed = {place for row in stay for place in _places(row)} & self.places
        return {
            place: min(count, self.idle.get(place, 0)) if place in needed else count
            for place, count in self.told.items()
        }


def _places(row: StagedRow) -> tuple[Place, ...]:
    return (row.resource, row.starts_at), (row.resource, None), (None, row.starts_at)


def standing(
    kept: Mapping[str, StagedRow],
    said: Mapping[str, StagedRow],
    traces: Iterable[Trace],
    idle: Mapping[Place, int],
    *,
    numbered: bool = False,
) -> Standing:
    """Compare what is known of unusable rows with the rows kept and those the file tells.

    `idle` is what the last whole file had of rows without an id that were none of the rows kept; `numbered` says that
    one message or resource names all who take part in a visit.
    """
    told = list(traces)
    still = {trace.row_key for trace in told if not trace.lets_go}
    partners = _partners(kept, {trace.row_key for trace in told if numbered and trace.lets_go})
    unsure: set[str] = set()
    freed: dict[str, StagedRow] = {}
    for trace in told:
        if trace.row_key is None:
            continue
        ours, theirs = list(_family(trace.row_key, kept)), list(_family(trace.row_key, said))
        beside = [key for key in partners.get(trace.row_key, ()) if key not in said and key not in still]
        if trace.off:
            named = [key for key in [*ours, *beside] if kept[key].resource == trace.resource and key not in said]
            freed |= {key: _without(kept[key], trace) for key in named}
        elif trace.lets_go and trace.row_key not in still and not theirs:
            freed |= {key: _without(kept[key], trace) for key in [*ours, *(beside if trace.state_text else ())]}
        elif not trace.lets_go and len(theirs) < sum(kept[key].closes for key in ours):
            unsure |= {trace.row_key, *ours, *theirs}
    at = Counter((trace.resource, trace.starts_at) for trace in told if trace.row_key is None)
    more = frozenset(place for place, number in at.items() if number > idle.get(place, 0))
    return Standing(frozenset(unsure), freed, more, at, idle, frozenset(still))


def _family(key: str, rows: Mapping[str, StagedRow]) -> Iterator[str]:
    """The rows under an id: as `identities` names the second and third of them."""
    if key in rows:
        yield key
        for number in count(2):
            if (again := f"{key}#{number}") not in rows:
                return
            yield again


def _partners(kept: Mapping[str, StagedRow], visits: Collection[str | None]) -> Mapping[str, list[str]]:
    """The rows of these visits with others than their first: readers number them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in kept if visits else ():
        if " #" in key and (numbered := NUMBERED.fullmatch(key)) and numbered[1] in visits:
            found[numbered[1]].append(key)
    return found


def _without(row: StagedRow, trace: Trace) -> StagedRow:
    return replace(row, closes=False, offers=False, state_text=trace.state_text or row.state_text)
