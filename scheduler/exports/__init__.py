"""Readers of hospitals' exports. One file per format, one line per format here."""

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import SkipReason, UnreadableReason
from scheduler.exports.csv_reader import CsvReader
from scheduler.exports.fhir_reader import FhirReader
from scheduler.exports.hl7_reader import Hl7Reader
from scheduler.exports.html_reader import HtmlReader
from scheduler.exports.ical_reader import IcalReader
from scheduler.exports.reader import ExportReader, Record, Skipped, TakenOff, Torn
from scheduler.exports.slip_feed import AnyFeed, SlipFeed
from scheduler.exports.slip_staging import SlipStager
from scheduler.exports.staging import Item, Stager
from scheduler.exports.xlsx_reader import XlsxReader
from scheduler.exports.xml130_reader import Xml130Reader

READERS: dict[str, ExportReader[Any]] = {
    "csv": CsvReader(),
    "xlsx": XlsxReader(),
    "html": HtmlReader(),
    "hl7": Hl7Reader(),
    "fhir": FhirReader(),
    "ical": IcalReader(),
    "xml130": Xml130Reader(),
}


def read_export(feed: AnyFeed, stream: BinaryIO, *, today: date, key: bytes = b"") -> Iterator[Item]:
    """Rows, refusals, skips and notes of one file, in its order, without personal data; slips say who is asked back.

    Under a `key` of this file alone, rows get marks of the personal values that the feed names (`exchange.marks`).

    Nothing may be applied before the iterator has ended: a file can turn out to be broken at its last byte.

    Raises:
        ExportUnreadable: while iterating; then nothing of the file counts.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    if size > feed.limits.megabytes * 1_000_000:
        raise ExportUnreadable(UnreadableReason.TOO_LARGE, megabytes=size // 1_000_000, limit=feed.limits.megabytes)
    stager = SlipStager(feed, today) if isinstance(feed, SlipFeed) else Stager(feed, key)
    for record in READERS[feed.source.format].records(feed, stream, today):
        if isinstance(record, TakenOff) and isinstance(stager, Stager):
            yield stager.taken_off(record)
        elif isinstance(record, Record):
            yield from stager.stage(record)
        elif isinstance(record, Torn) and isinstance(stager, Stager):
            stager.between(blank=False)
            yield stager.torn(record)
        else:
            if isinstance(stager, Stager):
                stager.between(blank=isinstance(record, Skipped) and record.reason is SkipReason.BLANK)
            yield record
    if isinstance(stager, Stager):
        yield from stager.notes()
