"""What a feed reads of FHIR resources, kept small: a hundred thousand of them are held until the file has ended.

Of an appointment its cells are read at once. Of a slot its own parts that the feed names: with whom it is stands in its
schedule, which may come later in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.exports import fhir_resource as fhir
from scheduler.exports.feed import Feed
from scheduler.exports.fhir_resource import Json

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotParts:
    """A slot as far as the feed reads it."""

    parts: Json


Kept = tuple[Cells, ...] | SlotParts


class CellReader:
    """Reads resources by one feed.

    Attributes:
        names: fields of the feed, in the order of the cells.
        schedules: by reference; filled by whoever reads the file.
    """

    def __init__(self, feed: Feed) -> None:
        self._aliases = feed.columns.aliases()
        self.names = tuple(self._aliases)
        self.schedules: dict[str, Json] = {}
        places = [(name, place) for name, places in self._aliases.items() for place in places]
        who = [fhir.actors_in(place) for name, place in places if name.startswith("resource.")]
        self._sorts = {sort for sort in who if sort is not None}
        own = (place.partition("|")[0] for _, place in places if fhir.actors_in(place) is None)
        self._own = ("resourceType", "id", *sorted({*own} - {"id"}))
        self._same: dict[str, str] = {}  # one object for each text: begins, doctors and states come again and again
        self._with: dict[str, Json] = {}  # and one for each reference to a schedule

    def kept(self, resource: Json) -> Kept:
        """All that is to be kept of an appointment or a slot."""
        if resource.get("resourceType") != "Slot":
            return tuple(self._cells(resource))
        parts = {name: self._one(name, resource[name]) for name in self._own if name in resource}
        schedule = resource.get("schedule")
        reference = schedule.get("reference") if isinstance(schedule, dict) else None
        if isinstance(reference, str):
            parts["schedule"] = self._with.setdefault(reference, {"reference": reference})
        return SlotParts(parts)

    def cells(self, kept: Kept) -> tuple[Cells, ...]:
        """A row for each who takes part, once all schedules are known."""
        return tuple(self._cells(kept.parts)) if isinstance(kept, SlotParts) else kept

    def _cells(self, resource: Json) -> Iterator[Cells]:
        several = [len(fhir.actors(resource, sort, self.schedules)) for sort in self._sorts]
        for number in range(max(1, *several, 0)):
            yield tuple(self._cell(resource, name, number) for name in self.names)

    def _cell(self, resource: Json, name: str, number: int) -> str:
        texts = (fhir.read(resource, place, self.schedules, number) for place in self._aliases[name])
        text = next((text for text in texts if text), "")
        if name == "id":
            return f"{text} #{number + 1}" if number and text else text
        return self._same.setdefault(text, text)

    def _one(self, name: str, found: object) -> object:
        return self._same.setdefault(found, found) if isinstance(found, str) and name != "id" else found
