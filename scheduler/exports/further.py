"""Further lines of one visit: somebody else who examines in it, below the line that says when, or in one cell with her.

A list inside a row is printed below it by many programs, with all other cells empty. Skipped in silence it would leave
that doctor's time open, so it takes the time of the row above for her too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from booking.exchange.kinds import SkipReason
from booking.exchange.rules import StagedRow, Trace
from booking.exchange.standing import AGAIN, NUMBERED
from booking.text import clean
from scheduler.exports.feed import KEY_JOINT
from scheduler.exports.reader import Skipped
from scheduler.exports.who import LINE

Cells = Mapping[str, str]
Span = tuple[datetime, datetime | None]
_WHO: Final = "resource."
_LINE_END: Final = "\n"
_ENDS: Final = ("end", "end_time", "end_date", "duration")
_OF_ONE: Final = {"id": "", "code": "", "phone": "", "citizen_id": "", "insurance_number": ""}
"""What names a row or a person: nobody's who stands on a further line."""


@dataclass(slots=True)
class Above:
    """The row above.

    Attributes:
        cells: as it has them.
        span: its time; None where it cannot be used.
        traces: what is known of it then.
        named: our codes of all who were named for the visit so far.
        lines: how many lines told who examines.
    """

    cells: Cells
    span: Span | None
    traces: tuple[Trace, ...] = ()
    named: set[str] = field(default_factory=set)
    lines: int = 1


def own_key(text: str) -> str:
    """A hospital's own id; one that ends as ours do, of further lines or rows, is told apart from them."""
    return f"{text}#" if "#" in text and (NUMBERED.fullmatch(text) or AGAIN.fullmatch(text)) else text


def is_further(cells: Cells, start_text: str, *, above: bool) -> bool:
    """Whether a line only says who else examines: by its empty id; without ids, by having nothing else to say."""
    if start_text or not any(text for name, text in cells.items() if name.startswith(_WHO)):
        return False
    if "id" in cells:
        return not cells["id"]
    return above and not any(text for name, text in cells.items() if not name.startswith(_WHO))


class Separator:
    """What stands between several in one cell: a sign, or a line break, which a cell has only until it is cleaned."""

    def __init__(self, said: str) -> None:
        self._lines = said == LINE
        self._sign = _LINE_END if self._lines else said

    def cleaned(self, text: str) -> str:
        """A cell as it is compared, its line breaks kept where they part."""
        return _LINE_END.join(filter(None, map(clean, text.splitlines()))) if self._lines else clean(text)

    def parts(self, text: str) -> list[str]:
        """The texts between; none where nothing parts."""
        return [part for each in text.split(self._sign) if (part := each.strip())] if self._sign in text else []


def only(cells: Cells, names: Collection[str]) -> Cells:
    """The cells as if of all who examine these columns alone told."""
    return {name: "" if name.startswith(_WHO) and name not in names else text for name, text in cells.items()}


def in_one_cell(
    cells: Cells, names: Sequence[str], separator: Separator, known: Callable[[str], bool]
) -> Iterator[Cells]:
    """The cells once for each who is named in one of these cells; whoever is known by the whole text stays one."""
    for name in names:
        text = cells.get(name, "")
        parts = separator.parts(text)
        if len(parts) > 1 and not known(text):
            yield {**cells, name: parts[0]}
            yield from ({**only(cells, ()), name: part} for part in parts[1:])
            return
    yield cells


class FurtherLines:
    """What a further line of a visit does, by the row above it."""

    def __init__(self, row: Callable[[int, Cells, str, Span], StagedRow], end: Callable[..., datetime | None]) -> None:
        self._row, self._end = row, end
        self.above: Above | None = None

    def staged(self, line: int, cells: Cells, resource: str | Skipped, *, number: int = 0) -> StagedRow | Skipped:
        """The row above for somebody else, or why not.

        With a number of its own it is the same row's, of another column: our code and its person are this one's too.
        """
        if isinstance(resource, Skipped):
            return self._nobody_of_ours(line, cells, resource, number)
        above = self.above
        if above is None:
            return Skipped(line, SkipReason.NO_START, amiss=True)
        if resource in above.named:
            return Skipped(line, SkipReason.CONTINUATION)
        above.named.add(resource)
        above.lines += not number
        if above.span is None:
            return Skipped(line, SkipReason.CONTINUATION, traces=self._traces(above, resource, number))
        if number:
            return self._row(line, {**above.cells, **self._key(above, number)}, resource, above.span)
        said = {name: text for name, text in cells.items() if text and name not in _OF_ONE}
        nobody = {name: "" for name in _OF_ONE if name in above.cells}
        plain = {**above.cells, **said, **nobody, **self._key(above)}
        span = above.span
        if any(name in said for name in _ENDS):
            span = (span[0], self._end(line, plain, span[0]))
        row = self._row(line, plain, resource, span)
        # Whether she is free too is not said.
        return Skipped(line, SkipReason.CONTINUATION) if row.offers else row

    def _nobody_of_ours(self, line: int, cells: Cells, why: Skipped, number: int) -> Skipped:
        if why.reason is SkipReason.IGNORED_RESOURCE:
            return Skipped(line, SkipReason.CONTINUATION)
        told = KEY_JOINT.join(text for name, text in cells.items() if name.startswith(_WHO) and text)
        if self.above is not None:
            self.above.lines += not number
        traces = self._traces(self.above, None, number) if self.above is not None else ()
        return Skipped(line, SkipReason.UNMAPPED_RESOURCE, why.key or told, traces=traces)

    def _key(self, above: Above, number: int = 0) -> dict[str, str]:
        return {"id": f"{above.cells['id']} #{number or above.lines}"} if above.cells.get("id") else {}

    def _traces(self, above: Above, resource: str | None, number: int) -> tuple[Trace, ...]:
        """What is known of a further line that cannot be used: it stands in the file, so it is not gone."""
        key = self._key(above, number).get("id")
        if above.span is not None:
            return (Trace(key, resource, above.span[0]),) if key or "id" not in above.cells else ()
        return tuple(replace(trace, row_key=key, resource=resource) for trace in above.traces[:1])
