"""What a feed reads of FHIR resources, kept small: a hundred thousand of them are held until the file has ended.

Of an appointment its cells are read at once. Of a slot its own parts that the feed names: with whom it is stands in its
schedule, which may come later in the file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scheduler.exports import fhir_resource as fhir
from scheduler.exports.feed import Feed
from scheduler.exports.fhir_resource import Json

Row = tuple[int, *tuple[str, ...]]
"""A line (of a Bundle: the number of the entry), and the cells in the order of the feed's fields."""


@dataclass(frozen=True, slots=True)
class SlotParts:
    """A slot as far as the feed reads it."""

    line: int
    key: str
    parts: Json


Kept = Row | list[Row] | SlotParts
"""One row as it is, because nearly all are; several where several take part."""


class CellReader:
    """Reads resources by one feed.

    Attributes:
        names: fields of the feed, in the order of the cells.
        schedules: by reference; filled by whoever reads the file.
        keyed: whether rows are told apart by the resource's own id.
    """

    def __init__(self, feed: Feed) -> None:
        self._aliases = feed.columns.aliases()
        self.names = tuple(self._aliases)
        self.schedules: dict[str, Json] = {}
        self.keyed = "id" in self._aliases.get("id", ())
        places = [(name, place) for name, places in self._aliases.items() for place in places]
        who = [fhir.actors_in(place) for name, place in places if name.startswith("resource.")]
        self._sorts = {sort for sort in who if sort is not None}
        own = (place.partition("|")[0] for _, place in places if fhir.actors_in(place) is None)
        self._own = ("resourceType", "id", *sorted({*own} - {"id"}))
        self._same: dict[str, str] = {}  # one object for each text: begins, doctors and states come again and again
        self._with: dict[str, Json] = {}  # and one for each reference to a schedule

    def kept(self, line: int, key: str, resource: Json) -> Kept:
        """All that is to be kept of an appointment or a slot."""
        if resource.get("resourceType") != "Slot":
            rows = list(self._rows(line, key, resource))
            return rows[0] if len(rows) == 1 else rows
        parts = {name: self._one(name, resource[name]) for name in self._own if name in resource}
        schedule = resource.get("schedule")
        reference = schedule.get("reference") if isinstance(schedule, dict) else None
        if isinstance(reference, str):
            parts["schedule"] = self._with.setdefault(reference, {"reference": reference})
        return SlotParts(line, key, parts)

    def rows(self, kept: Kept) -> Iterable[Row]:
        """A row for each who takes part, once all schedules are known."""
        if isinstance(kept, SlotParts):
            return self._rows(kept.line, kept.key, kept.parts)
        return kept if isinstance(kept, list) else [kept]

    def _rows(self, line: int, key: str, resource: Json) -> Iterator[Row]:
        several = [len(fhir.actors(resource, sort, self.schedules)) for sort in self._sorts]
        for number in range(max(1, *several, 0)):
            yield (line, *(self._cell(key, resource, name, number) for name in self.names))

    def _cell(self, key: str, resource: Json, name: str, number: int) -> str:
        texts = (fhir.read(resource, place, self.schedules, number) for place in self._aliases[name])
        text = next((text for text in texts if text), "")
        if name == "id":
            return f"{text} #{number + 1}" if number and text else key if text == key else text
        return self._same.setdefault(text, text)

    def _one(self, name: str, found: object) -> object:
        return self._same.setdefault(found, found) if isinstance(found, str) and name != "id" else found
