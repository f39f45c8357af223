"""Our bookings as a hospital's software reads them. One file per format, one line per format here."""

from booking.exchange.outgoing.rules import Batch
from scheduler.outgoing import fhir_writer, hl7_writer, table_writer
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.writer import Writer

WRITERS: dict[str, Writer] = {
    "csv": table_writer.csv_file,
    "xlsx": table_writer.xlsx_file,
    "hl7": hl7_writer.messages,
    "fhir": fhir_writer.bundle,
    "ndjson": fhir_writer.lines,
}

ENDINGS: dict[str, str] = {"csv": "csv", "xlsx": "xlsx", "hl7": "hl7", "fhir": "json", "ndjson": "ndjson"}
"""What the names of files end in."""


def written(terms: Outgoing, batch: Batch) -> bytes:
    """The file, whole. The same batch by the same terms gives the same bytes."""
    return WRITERS[terms.out.format](terms, batch)


def file_name(terms: Outgoing, number: int, kind: str) -> str:
    """`bvvt-000017-changes.csv`: sorted by name, files stand in their order."""
    return f"{terms.out.name or terms.code}-{number:06d}-{kind}.{ENDINGS[terms.out.format]}"
