"""The columns of a table as a draft looks at them, and what was picked of them so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from scheduler.exports.drafting import dates
from scheduler.exports.drafting.finding import Findings, Table
from scheduler.exports.drafting.words import plain, role
from scheduler.exports.feed import folded

_SAMPLE: Final = 2000


@dataclass(slots=True)
class Picked:
    """Places of the fields, and the ways to name who examines."""

    places: dict[str, int] = field(default_factory=dict)
    ways: list[tuple[str, ...]] = field(default_factory=list)


class Columns:
    """One table, column by column."""

    def __init__(self, table: Table, today: date, findings: Findings) -> None:
        self.table, self.today, self.findings = table, today, findings
        self.picked = Picked()
        twice = Counter(map(folded, table.header))
        self.roles = {
            place: role(header) for place, header in enumerate(table.header) if header and twice[folded(header)] == 1
        }
        for name, count in twice.items():
            if count > 1 and name and role(name) not in ("", "personal"):
                findings.notes.append(f"{count} columns have the same name ({name!r}); none of them can be used")
        self.kinds = {place: dates.kind_of(table.column(place)[:_SAMPLE], today) for place in self.roles}
        self._visits = self._with_a_date()
        self._pairs_of_words()

    def _with_a_date(self) -> list[Sequence[str]]:
        """Rows that may be visits: titles, totals and signatures below a table have no date, and no id is theirs."""
        dated = [place for place, kind in self.kinds.items() if kind in ("moment", "day", "mixed")]
        found = [row for row in self.table.rows if any(row[place] and dates.shape(row[place]) for place in dated)]
        return found or list(self.table.rows)

    def _pairs_of_words(self) -> None:
        """`Từ` and `Đến`, `From` and `To` mean something only together."""
        names = {plain(self.table.header[place]): place for place in self.roles}
        for first, last in (("tu", "den"), ("from", "to"), ("tu gio", "den gio"), ("gio tu", "gio den")):
            if first in names and last in names:
                self.roles[names[first]], self.roles[names[last]] = "start3", "end"

    def _of(self, *roles: str) -> list[int]:
        return [place for place, found in self.roles.items() if found in roles]

    def _take(self, name: str, place: int, *evidence: str) -> None:
        self.picked.places[name] = place
        self.findings.say(f"columns.{name}", self.table.header[place], *evidence)

    def _ask(self, name: str, places: Sequence[int], why: str) -> None:
        self.findings.ask(f"columns.{name}", [self.table.header[place] for place in places], why)

    def _nameless(self) -> list[int]:
        """Columns whose header says nothing known, and that are not taken."""
        taken = set(self.picked.places.values())
        return [place for place, found in self.roles.items() if found in ("", "line_number") and place not in taken]
