"""From rows of cells to records: the same for every format that is a table with a header."""

from collections.abc import Callable, Iterator, Sequence

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import RefusalReason, SkipReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.feed import Feed
from scheduler.exports.header import locate
from scheduler.exports.reader import Record, Skipped, Torn

_MOVES = 4
"""Of a row that is wider than this beyond the header, not every way it may be torn is tried."""


def plainly(feed: Feed, header: Sequence[str]) -> dict[str, int]:
    """Columns of the fields by the header's names."""
    return locate(header, feed.columns.aliases())


def records_of(
    feed: Feed,
    rows: Iterator[tuple[int, list[str]]],
    places_in: Callable[[Feed, Sequence[str]], dict[str, int]] = plainly,
) -> Iterator[Record | Refused | Skipped]:
    """Records of the rows after the header.

    Args:
        feed: names the columns.
        rows: line from 1 and cells; the first row is the header.
        places_in: finds the fields' columns in it.

    Raises:
        ExportUnreadable: no rows, no header, too many rows.
    """
    first = next(rows, None)
    if first is None:
        raise ExportUnreadable(UnreadableReason.EMPTY)
    header = first[1]
    while len(header) > 1 and not header[-1].strip():  # a delimiter at the end of the line
        header = header[:-1]
    places = places_in(feed, header)
    for count, (line, cells) in enumerate(rows, 1):
        if count > feed.limits.rows:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=feed.limits.rows)
        # A header is printed again at the top of each page.
        if not any(cell.strip() for cell in cells) or cells[: len(header)] == header:
            yield Skipped(line, SkipReason.BLANK)
        elif len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
            facts = {"cells": len(cells), "columns": len(header)}
            yield Torn(line, RefusalReason.WRONG_WIDTH, facts, readings=_readings(cells, len(header), places))
        else:
            yield Record(line, {name: cells[place] for name, place in places.items()})


def _readings(cells: Sequence[str], width: int, places: dict[str, int]) -> tuple[dict[str, str], ...]:
    """The fields as they stand if the row was torn behind them, before them, or between.

    A delimiter too many moves all behind it to the right, a line end inside a cell all of the rest to the left.
    """
    torn = len(cells) - width
    most = abs(torn)
    moves = range(most + 1) if most < _MOVES else (0, 1, most - 1, most)
    signed = [move if torn > 0 else -move for move in moves]
    return tuple(
        {name: cells[place + move] if 0 <= place + move < len(cells) else "" for name, place in places.items()}
        for move in signed
    )
