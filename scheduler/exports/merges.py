"""Cells of a workbook that are merged over several rows: the value stands in the first and is meant in each of them.

The library that streams a sheet does not tell of them, because they are written behind all rows. So they are looked
for in the sheet's own text before, without parsing it: what is only there to be shown cannot do harm.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from openpyxl.utils import column_index_from_string

_MERGED: Final = re.compile(
    rb"<(?:\w{1,20}:)?mergeCell\s[^<>]{0,200}?ref=[\"']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})[\"']"
)
_PIECE: Final = 1 << 20
_LONGEST: Final = 300
"""Bytes of one such element; two pieces overlap by so much."""
_MOST: Final = 100_000
_WIDEST: Final = 1000
"""Columns that are looked at."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One block of merged cells: its first column, from 0, and its first and last row, from 1."""

    column: int
    first: int
    last: int


def merges_in(sheet: BinaryIO) -> list[Merge]:
    """Those over several rows, in the order of their first rows; of a sheet with absurdly many none."""
    found: set[Merge] = set()
    held = b""
    while piece := sheet.read(_PIECE):
        held = held[-_LONGEST:] + piece
        if b"mergeCell" not in held:
            continue
        for column, first, last in _MERGED.findall(held):
            merge = Merge(column_index_from_string(column.decode()) - 1, int(first), int(last))
            if merge.last > merge.first and merge.column < _WIDEST:
                found.add(merge)
        if len(found) > _MOST:
            return []
    return sorted(found, key=lambda merge: merge.first)


@dataclass(slots=True)
class Filling:
    """Fills merged cells while rows pass. What begins in the header or above it is a heading, and fills nothing."""

    merges: Sequence[Merge]
    _next: int = 0
    _open: dict[int, tuple[int, str]] = field(default_factory=dict)

    def filled(self, line: int, texts: list[str], *, heading: bool) -> list[str]:
        """The cells of a row, those that belong to a merged block above with its value; a blank row stays blank."""
        for merge in self._begun(line):
            if merge.first == line and not heading and merge.column < len(texts):
                self._open[merge.column] = (merge.last, texts[merge.column])
        if heading or not self._open or not any(text.strip() for text in texts):
            return texts
        for column, (last, text) in list(self._open.items()):
            if line > last:
                del self._open[column]
            elif column >= len(texts):
                texts += [""] * (column - len(texts)) + [text]
            elif not texts[column].strip():
                texts[column] = text
        return texts

    def _begun(self, line: int) -> Iterator[Merge]:
        while self._next < len(self.merges) and self.merges[self._next].first <= line:
            yield self.merges[self._next]
            self._next += 1
