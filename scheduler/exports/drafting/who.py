"""Which columns say who examines, and whether they say it in enough rows."""

import re
from collections.abc import Sequence
from typing import Final

from scheduler.exports.drafting.finding import FILL_IN
from scheduler.exports.drafting.picking import Columns
from scheduler.exports.feed import folded

MANY_ROWS: Final = 20
PERSONS: Final = re.compile(r"\d{9}|\d{12}|(?:\+?84|0)\d{8,10}")
_MOST_WITHOUT: Final = 0.05


class Examiners(Columns):
    """Chooses the columns of the resource."""

    def _resource(self) -> None:
        found: dict[str, int] = {}
        for name, wanted in (("code", "doctor_code"), ("name", "doctor"), ("specialty", "specialty"), ("room", "room")):
            places = [place for place in self._of(wanted) if self._is_list(place)]
            if len(places) > 1 and name in ("code", "name"):
                self._ask(f"resource.{name}", places, "several columns may say who examines")
                return
            if len(places) == 1:
                found[name] = places[0]
        ways = self._ways(found)
        if not ways:
            self._ask("resource.name", self._of("specialty"), "no column says which doctor or which room")
            return
        if not self._filled(ways, found):
            return
        self.picked.ways = ways
        for name in dict.fromkeys(name for way in ways for name in way):
            values = self.table.column(found[name])
            self._take(
                f"resource.{name}",
                found[name],
                f"filled in {len(values)} rows, {len(set(map(folded, values)))} different",
            )
        self.findings.say("resource_key.columns", [list(way) for way in ways], *self._why(found))

    def _filled(self, ways: Sequence[tuple[str, ...]], found: dict[str, int]) -> bool:
        """Whether enough visits say who examines. Of a few that do not it is said, of most asked."""
        told = sum(any(all(row[found[name]] for name in way) for way in ways) for row in self._visits)
        without, whole = len(self._visits) - told, len(self._visits)
        if without <= _MOST_WITHOUT * whole:
            return True
        name, places = ways[0][0], [found[way[0]] for way in ways]
        why = f"filled in only {told} of {whole} rows that have a date: does it stand only in the first row of a group?"
        if told < 0.5 * whole:
            self._ask(f"resource.{name}", places, f"{why} Let each row of the export name it")
            return False
        self.findings.notes.append(f"{self.table.header[places[0]]!r} is {why} The {without} others close nothing")
        return True

    def _is_list(self, place: int) -> bool:
        """A list of doctors or rooms repeats itself; a column of persons does not, and is never shown."""
        values = self.table.column(place)
        different = len(set(map(folded, values)))
        if self.kinds[place] != "other" or sum(map(_personal, values)) > 0.2 * len(values):
            return False
        if len(values) >= MANY_ROWS and different > 0.5 * len(values):
            self.findings.notes.append(
                f"{self.table.header[place]!r} is different in most rows, so it is no list of doctors or rooms"
            )
            return False
        return bool(values)

    def _ways(self, found: dict[str, int]) -> list[tuple[str, ...]]:
        ways: list[tuple[str, ...]] = [("code",)] if "code" in found else []
        if "name" in found:
            several = "specialty" in found and (ways or self._several(found["name"], found["specialty"]))
            ways.append(("name", "specialty") if several else ("name",))
        if "room" in found and (not ways or self._some_without(ways, found)):
            ways.append(("room",))
        return ways

    def _several(self, name: int, other: int) -> bool:
        pairs = {(folded(row[name]), folded(row[other])) for row in self.table.rows if row[name] and row[other]}
        return len(pairs) > len({first for first, _ in pairs})

    def _some_without(self, ways: Sequence[tuple[str, ...]], found: dict[str, int]) -> bool:
        return any(not any(all(row[found[name]] for name in way) for way in ways) for row in self.table.rows)

    def _why(self, found: dict[str, int]) -> list[str]:
        lines = []
        if "code" in found and "name" in found and self._several(found["name"], found["code"]):
            lines.append("one name has several codes: two doctors share it, so the code comes first")
        if "code" not in found and "name" in found:
            lines.append("by name, because no licence or number was found: two doctors may share a name")
        if "room" in found and "name" in found:
            lines.append(f"rooms stand in {self.table.header[found['room']]!r}, if you publish times by room")
        return lines


def _personal(value: str) -> bool:
    return PERSONS.fullmatch(value.replace(" ", "").replace(".", "")) is not None or value == FILL_IN
