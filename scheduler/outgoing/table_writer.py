"""CSV and XLSX by a map of columns. Written by booking.sheets, so no cell runs in anybody's spreadsheet."""

from collections.abc import Callable
from typing import Final

from booking.exchange.outgoing.rules import Batch, Item
from booking.sheets import Sheet, csv_bytes, xlsx_bytes
from booking.sheets.cells import Cell
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.writer import key_of, service_key


def csv_file(terms: Outgoing, batch: Batch) -> bytes:
    """A separated text."""
    return csv_bytes(_sheet(terms, batch), delimiter=terms.csv.delimiter, mark=terms.csv.mark)


def xlsx_file(terms: Outgoing, batch: Batch) -> bytes:
    """A workbook of one sheet."""
    return xlsx_bytes([_sheet(terms, batch)], made_at=batch.made_at)


def _sheet(terms: Outgoing, batch: Batch) -> Sheet:
    fields = list(terms.columns.values())
    rows = [[_cell(terms, batch, item, name) for name in fields] for item in batch.items]
    return Sheet(terms.out.name or terms.code, list(terms.columns), rows)


def _cell(terms: Outgoing, batch: Batch, item: Item, name: str) -> Cell:
    visit, times = item.visit, terms.times
    if name in terms.personal:
        return visit.person.get(name, "")
    when, _, part = name.partition("_")
    if when in ("start", "end"):
        form = {"": times.format, "date": times.date_format, "time": times.time_format}[part]
        return times.said(visit.starts_at if when == "start" else visit.ends_at, form)
    return _PLAIN[name](terms, batch, item)


_PLAIN: Final[dict[str, Callable[[Outgoing, Batch, Item], Cell]]] = {
    "code": lambda _terms, _batch, item: item.visit.code,
    "minutes": lambda _terms, _batch, item: item.visit.minutes,
    "version": lambda _terms, _batch, item: item.visit.version,
    "number": lambda _terms, batch, _item: batch.number,
    "state": lambda terms, _batch, item: terms.states.get(item.visit.state, item.visit.state),
    "event": lambda terms, _batch, item: terms.events.get(item.event.value, item.event.value),
    "resource": lambda terms, _batch, item: key_of(terms, item.visit.practitioner or item.visit.room),
    "practitioner": lambda terms, _batch, item: key_of(terms, item.visit.practitioner),
    "practitioner_name": lambda _terms, _batch, item: item.visit.practitioner.name if item.visit.practitioner else "",
    "room": lambda terms, _batch, item: key_of(terms, item.visit.room),
    "room_name": lambda _terms, _batch, item: item.visit.room.name if item.visit.room else "",
    "service": lambda terms, _batch, item: service_key(terms, item.visit),
    "service_name": lambda _terms, _batch, item: item.visit.service.name,
}
"""What a column holds that is no moment and nobody's own."""
