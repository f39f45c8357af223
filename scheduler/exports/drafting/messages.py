"""Messages, resources and calendars: their standards say where everything stands, the file says what is filled."""

import re
from datetime import date
from io import BytesIO
from itertools import islice
from typing import Final

from booking.exchange.errors import ExportUnreadable
from booking.text import clean
from scheduler.exports.drafting import letters
from scheduler.exports.drafting.finding import CannotTellError, Findings, Table
from scheduler.exports.drafting.picking import Picked
from scheduler.exports.drafting.sample import ROWS_LOOKED_AT, skeleton
from scheduler.exports.drafting.times_of import CITY
from scheduler.exports.feed import Feed
from scheduler.exports.fhir_reader import FhirReader
from scheduler.exports.hl7_reader import Hl7Reader
from scheduler.exports.ical_reader import IcalReader
from scheduler.exports.reader import ExportReader, Record

_READERS: Final[dict[str, ExportReader[Feed]]] = {"hl7": Hl7Reader(), "fhir": FhirReader(), "ical": IcalReader()}
_FIELDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "hl7": {
        "id": ("SCH-2.1", "SCH-1.1"), "start": ("AIS-4", "SCH-11.4", "TQ1-7"), "end": ("SCH-11.5", "TQ1-8"),
        "state": ("MSH-9.2",),
    },
    "fhir": {"id": ("id",), "start": ("start",), "end": ("end",), "state": ("status",)},
    "ical": {"id": ("id",), "start": ("start",), "end": ("end",), "state": ("state",)},
}  # fmt: skip
_WHO: Final = {
    "hl7": (("practitioner", "AIP-3.1"), ("room", "AIL-3.1"), ("resource", "AIG-3.1")),
    "fhir": (("practitioner", "practitioner"), ("room", "location")),
    "ical": (("calendar", "calendar"), ("room", "location")),
}
STATES: Final[dict[str, dict[str, list[str]]]] = {
    "hl7": {"closes": ["S12", "S13", "S14", "S26"], "releases": ["S15", "S17"]},
    "fhir": {
        "closes": ["booked", "arrived", "checked-in", "fulfilled", "noshow", "pending", "proposed", "waitlist", "busy",
                   "busy-unavailable", "busy-tentative"],
        "releases": ["cancelled", "entered-in-error"],
        "free": ["free"],
    },
    "ical": {"closes": ["CONFIRMED", "TENTATIVE"], "releases": ["CANCELLED", "TRANSPARENT"]},
}  # fmt: skip
"""What the words of each standard mean."""
_HL7_TIMES: Final = (
    (r"\d{14}[+-]\d{4}", "%Y%m%d%H%M%S%z"), (r"\d{12}[+-]\d{4}", "%Y%m%d%H%M%z"), (r"\d{14}", "%Y%m%d%H%M%S"),
    (r"\d{12}", "%Y%m%d%H%M"), (r"\d{14}\.\d{1,9}[+-]\d{4}", "%Y%m%d%H%M%S.%f%z"),
    (r"\d{14}\.\d{1,9}", "%Y%m%d%H%M%S.%f"),
)  # fmt: skip
_WITHOUT_ZONE: Final = re.compile(r"^DTSTART(?![^:\r\n]*TZID)[^:\r\n]*:[0-9T]+\s*$", re.MULTILINE | re.IGNORECASE)


def read(format_name: str, data: bytes, today: date, findings: Findings) -> tuple[Table, Picked]:
    """The rows the file's own reader finds, with the places that are filled.

    Raises:
        CannotTellError: the reader refuses the file, or finds no appointment in it.
    """
    written = letters.read(data)
    findings.keys["csv.encoding"] = written.guess
    encoding = str(written.guess.value or "utf-8")
    fields, who = _FIELDS[format_name], _WHO[format_name]
    names = {f"{name}{number}": place for name, places in fields.items() for number, place in enumerate(places)}
    table = _records(format_name, data, today, encoding, names, dict(who))
    picked = Picked()
    for name, places in fields.items():
        filled = [(table.header.index(place), place) for place in places if table.column(table.header.index(place))]
        if filled:
            if name != "start":  # of two numbers of a visit the one that more messages carry
                filled.sort(key=lambda each: -len(table.column(each[0])))
            at = filled[0][0]
            picked.places[name] = at
            value = [place for _, place in filled] if name == "start" else filled[0][1]
            findings.say(f"columns.{name}", value, f"{len(table.column(at))} of {len(table.rows)} filled")
        elif name == "start":
            findings.ask("columns.start", list(places), "no appointment names its begin")
    _who(table, who, picked, findings)
    _times(format_name, table, picked, written.text, findings)
    return table, picked


def _records(
    format_name: str, data: bytes, today: date, encoding: str, names: dict[str, str], who: dict[str, str]
) -> Table:
    """One row for each appointment; whoever takes part is looked for one sort at a time."""
    header = [*names.values(), *who.values()]
    rows: list[list[str]] = []
    for sort, place in who.items():
        # Fields of a feed have fixed names; as parts of the resource they may be called anything.
        columns = "[columns.resource]\n" + "\n".join(
            f'{name} = "{one}"' for name, one in (names | {sort: place}).items()
        )
        feed = skeleton(format_name, encoding, columns=f'start = "{names["start0"]}"\n{columns}')
        try:
            found = list(islice(_READERS[format_name].records(feed, BytesIO(data), today), ROWS_LOOKED_AT))
        except ExportUnreadable as error:
            raise CannotTellError(f"its reader refuses it: {error.reason.value}") from error
        for record in found:
            if isinstance(record, Record):
                cells = {header.index(one): clean(record.cells[f"resource.{name}"]) for name, one in names.items()}
                cells[header.index(place)] = clean(record.cells[f"resource.{sort}"])
                if cells[header.index(place)] or sort == next(iter(who)):
                    rows.append([cells.get(number, "") for number in range(len(header))])
    if not rows:
        raise CannotTellError("no appointment was found in it")
    return Table(header, rows)


def _who(table: Table, who: tuple[tuple[str, str], ...], picked: Picked, findings: Findings) -> None:
    for name, place in who:
        at = table.header.index(place)
        values = table.column(at)
        if values:
            picked.places[f"resource.{name}"] = at
            picked.ways = [(name,)]
            findings.say(f"columns.resource.{name}", place, f"filled {len(values)} times, {len(set(values))} different")
            return
    findings.ask("columns.resource.name", [place for _, place in who], "nobody who examines is named in the file")


def _times(format_name: str, table: Table, picked: Picked, text: str, findings: Findings) -> None:
    starts = table.column(picked.places["start"]) if "start" in picked.places else []
    if format_name == "hl7":
        _hl7_times(starts, findings)
        return
    findings.say("times.formats", ["iso"], "by the standard")
    if format_name == "ical":
        bare = len(_WITHOUT_ZONE.findall(text))
        without = f"{bare} begins are whole days, or times without a zone"
        offsets = len(starts) - bare
    else:
        offsets = sum(re.search(r"(Z|[+-]\d\d:\d\d)$", value) is not None for value in starts)
        without = f"{len(starts) - offsets} begins name no offset"
    if (starts and offsets == len(starts)) or (format_name == "ical" and without.startswith("0 ")):
        findings.say("times.zone", CITY, "every begin names its zone; this one would only count without")
    else:
        findings.ask("times.zone", (CITY, "UTC"), without)


def _hl7_times(starts: list[str], findings: Findings) -> None:
    counts = {form: sum(re.fullmatch(shape, value) is not None for value in starts) for shape, form in _HL7_TIMES}
    used = [form for form, count in counts.items() if count]
    lines = [f"{count} written {form}" for form, count in counts.items() if count]
    if not used or sum(counts.values()) < 0.95 * len(starts):
        findings.ask("times.formats", [[form for _, form in _HL7_TIMES[:4]]], *lines, "the rest are written otherwise")
    else:
        findings.say("times.formats", list(dict.fromkeys([*used, *(form for _, form in _HL7_TIMES[:4])])), *lines)
    offsets = sum(count for form, count in counts.items() if form.endswith("%z"))
    if starts and offsets == len(starts):
        findings.say("times.zone", CITY, f"all {offsets} begins name their offset; this one would only count without")
    else:
        findings.ask("times.zone", (CITY, "UTC"), f"{len(starts) - offsets} of {len(starts)} begins name no offset")
