"""What the messages of an HL7 file say of each visit: who takes part, when, and in which state.

A message is laid over those before it about the same visit. With segment action codes (table 0206), or as an event
about a part of a visit, it may say only what changes: whom to add, whom to delete. Codes that only add say nothing:
many programs write them always. Who was told of in an earlier file is not known here, so who is added to them gets
an id that no list of all gives, and who is deleted is told of as taken off.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from scheduler.exports.feed import Feed
from scheduler.exports.hl7_message import Message
from scheduler.exports.reader import Record, TakenOff

_CODED: Final = frozenset({"S13", "S14"})
"""Events in which a code is believed: whoever cancels a visit may mark all of its parts as deleted."""
_ADDED: Final = "A"
_DELETED: Final = "D"
_PARTS: Final = {"S18": _ADDED, "S20": _DELETED, "S22": _DELETED}
"""Events that tell of a part of a visit, and what they do to it: added, cancelled, deleted."""
_NUMBERS: Final = range(100, 1000)
"""Numbers of who is added to a visit of an earlier file; lists of all begin at 2."""

_Row = tuple[int, *tuple[str, ...]]
"""A line and the cells in the order of the feed's fields."""


@dataclass(slots=True)
class _Visit:
    """One visit.

    Attributes:
        rows: one for each who takes part.
        partial: they were added to others of whom an earlier file may tell.
        off: who takes part no more, by their cells; a list of all makes this needless.
    """

    rows: tuple[_Row, ...] = ()
    partial: bool = False
    off: dict[tuple[str, ...], _Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Said:
    """One of those a message names, with the code of its segment."""

    cells: _Row
    code: str


class Visits:
    """What the messages say of each visit so far. All of them are held until the file has ended, so they are small."""

    def __init__(self, feed: Feed) -> None:
        self._aliases = feed.columns.aliases()
        self._names = tuple(self._aliases)
        places = [place for name in self._names if name.startswith("resource.") for place in self._aliases[name]]
        self._many = {place[:3] for place in places}
        self._who = [place for place, name in enumerate(self._names, 1) if name.startswith("resource.")]
        self._id = self._names.index("id") + 1 if "id" in self._names else 0
        self._told: dict[object, tuple[_Row, ...]] = {}
        self._changed: dict[object, _Visit] = {}  # only those of which a message told a part
        self._same: dict[str, str] = {}  # one object for each text: begins, doctors and states come again and again

    def take(self, message: Message) -> None:
        """One more message, over those before it about the same visit."""
        event = message.at("MSH-9.2")
        many = range(self._resources(message))
        said = [_Said(self._row(message, number), self._code(message, event, number)) for number in many]
        own = self._id and said[0].cells[self._id]
        visit = own or message.line  # without an id nothing is known of earlier messages
        before = self._told.get(visit)
        if before is None and event not in _PARTS and not any(each.code for each in said):  # nearly all of them
            self._told[visit] = tuple(each.cells for each in said)
            return
        known = self._laid_over(self._changed.get(visit) or _Visit(before or ()), said, message, event)
        self._told[visit] = known.rows
        if known.partial or known.off:
            self._changed[visit] = known
        else:
            self._changed.pop(visit, None)

    def _laid_over(self, known: _Visit, said: list[_Said], message: Message, event: str) -> _Visit:
        codes = {each.code for each in said if any(self._named(each.cells))}
        if not codes:
            return self._same_people(known, said[0].cells)
        if event in _PARTS:
            return self._change(known, [_Said(each.cells, _PARTS[event]) for each in said])
        if event in _CODED and _DELETED in codes:
            if codes <= {_ADDED, _DELETED}:
                return self._change(known, said)
            said = [each for each in said if each.code != _DELETED]
        if len(known.rows) > len(said) and self._left_out(said, known.rows):
            said = [_Said(self._row(message, number), "") for number in range(len(known.rows))]
        return _Visit(self._all([each.cells for each in said], known.rows))

    def records(self) -> Iterator[Record]:
        """What was said last."""
        for visit, rows in self._told.items():
            changed = self._changed.get(visit)
            for number, row in enumerate(rows, 1):
                yield self._record(row, self._number(row, number, partial=changed is not None and changed.partial))
            for line, *cells in changed.off.values() if changed is not None else ():
                yield TakenOff(line, dict(zip(self._names, cells, strict=True)))

    def _record(self, row: _Row, number: int) -> Record:
        line, *cells = row
        if number > 1 and self._id and cells[self._id - 1]:
            cells[self._id - 1] = f"{cells[self._id - 1]} #{number}"
        return Record(line, dict(zip(self._names, cells, strict=True)))

    def _number(self, row: _Row, number: int, *, partial: bool) -> int:
        """The number of a row of a visit; of who was added to others always the same, whoever they are."""
        if not partial:
            return number
        who = self._named(row)
        return _NUMBERS[zlib.crc32("\x1f".join(who).encode()) % len(_NUMBERS)] if any(who) else 1

    def _resources(self, message: Message) -> int:
        return max(1, *(message.count(segment) for segment in self._many))

    def _row(self, message: Message, number: int) -> _Row:
        """What a message says for one of the practitioners, rooms or things that the feed's resource columns find."""
        return (message.line, *(self._text(message, name, number) for name in self._names))

    def _code(self, message: Message, event: str, number: int) -> str:
        """The code of the segment that says who it is, where codes are believed."""
        if event not in _CODED:
            return ""
        codes = []
        for name in (self._names[place - 1] for place in self._who):
            said = next((place[:3] for place in self._aliases[name] if message.at(place, number)), "")
            if said.startswith("AI") and number < message.count(said):
                codes.append(message.at(f"{said}-2", number).upper())
        return _DELETED if _DELETED in codes else next(filter(None, codes), "")

    def _text(self, message: Message, name: str, number: int) -> str:
        texts = (message.at(place, number if place[:3] in self._many else 0) for place in self._aliases[name])
        text = next((text for text in texts if text), "")
        return text if name == "id" else self._same.setdefault(text, text)

    def _named(self, row: _Row) -> tuple[str, ...]:
        """Who it is: the cells of the resource."""
        return tuple(str(row[place]) for place in self._who)

    def _left_out(self, said: list[_Said], before: tuple[_Row, ...]) -> bool:
        """Whether a message leaves out a part of who they are, and the one before it did not: then it still holds."""
        return any(
            any(row[place] for row in before) and not any(each.cells[place] for each in said) for place in self._who
        )

    def _same_people(self, known: _Visit, first: _Row) -> _Visit:
        """A message about all who take part; of those an earlier file told of too, where only a part is known."""
        rows = tuple(_over(first, row) for row in known.rows)
        if not rows or (known.partial and all(any(self._named(row)) for row in rows)):
            rows = (first, *rows)
        return replace(known, rows=rows)

    def _all(self, said: list[_Row], before: tuple[_Row, ...]) -> tuple[_Row, ...]:
        """A message that names all who take part."""
        same = {self._named(row): row for row in before}
        return tuple(
            _over(row, same.get(self._named(row)) or self._known(before, place)) for place, row in enumerate(said)
        )

    def _known(self, before: tuple[_Row, ...], place: int) -> _Row | None:
        """What was said of one who takes part; of one who is new, what holds for all: when, and in which state."""
        if not before or place < len(before):
            return before[place] if before else None
        return self._nobody(before[0])

    def _nobody(self, row: _Row) -> _Row:
        """A row without who it is."""
        line, *cells = row
        return (line, *("" if place in self._who else cell for place, cell in enumerate(cells, 1)))

    def _change(self, known: _Visit, said: list[_Said]) -> _Visit:
        """A message that says whom to add and whom to delete, and of the others nothing but what holds for all."""
        deleted = {self._named(each.cells): each.cells for each in said if each.code == _DELETED}
        added = {self._named(each.cells): each.cells for each in said if each.code == _ADDED}
        nobody = self._nobody(said[0].cells)
        stay = [row for row in known.rows if self._named(row) not in deleted and self._named(row) not in added]
        rows = [*(_over(nobody, row) for row in stay), *(_over(row, self._known(known.rows, len(known.rows)))
                                                         for row in added.values())]  # fmt: skip
        off = {who: row for who, row in (known.off | deleted).items() if who not in added}
        return _Visit(tuple(rows), known.partial or not known.rows, off)


def _over(row: _Row, before: _Row | None) -> _Row:
    """A message over the one before it about the same visit: a cancellation often names the visit and no more."""
    line, *cells = row
    if before is None:
        return row
    _, *earlier = before
    return (line, *(said or known for said, known in zip(cells, earlier, strict=True)))
