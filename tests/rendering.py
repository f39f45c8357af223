"""Rows written as each format would write them: the other way round than our readers, by nothing of theirs."""

import html
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from icalendar import Calendar, Event
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from tests.exports import written

HERE = timezone(timedelta(hours=7))
WORDS = {
    "fhir": ("booked", "fulfilled", "cancelled", "noshow"),
    "hl7": ("S12", "S13", "S15", "S26"),
    "ical": ("CONFIRMED", "TENTATIVE", "CANCELLED"),
}
"""The states of formats that have words of their own."""
_PLACES = {
    "hl7": ("SCH-2.1", "SCH-11.4", "SCH-11.5", "MSH-9.2", "AIP-3.1"),
    "fhir": ("id", "start", "end", "status", "practitioner"),
    "ical": ("id", "start", "end", "state", "calendar"),
}
_FORMATS = {"csv": "%d/%m/%Y %H:%M", "xlsx": "iso", "html": "%d-%m-%Y %I:%M %p", "hl7": "%Y%m%d%H%M%S%z"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A row of a hospital: its id, its times (UTC), its state and the key of who examines."""

    key: str
    start: datetime
    end: datetime
    state: str
    doctor: str


def feed_of(form: str, doctor: str, releases: str) -> Feed:
    """The feed that reads what is written here."""
    names = _PLACES.get(form, ("Mã", "Bắt đầu", "Kết thúc", "Trạng thái", "Bác sĩ"))
    places = [json.dumps(name, ensure_ascii=False) for name in names]
    text = (
        f'code = "x"\nfacility = "BVVT"\n[source]\nformat = "{form}"\n[columns]\nid = {places[0]}\n'
        f"start = {places[1]}\nend = {places[2]}\nstate = {places[3]}\n[columns.resource]\ndoctor = {places[4]}\n"
        f'[times]\nformats = "{_FORMATS.get(form, "iso")}"\nzone = "Asia/Ho_Chi_Minh"\n'
        f'[states]\nreleases = {json.dumps(releases, ensure_ascii=False)}\n[absence]\nmeaning = "full_snapshot"\n'
        "[coverage]\nfirst_day = 2026-11-01\nlast_day = 2026-12-31\n[resources.an]\n"
        f"keys = {json.dumps(doctor, ensure_ascii=False)}\nslot_minutes = 15\n"
    )
    return parse_feed(text)


def _table(form: str, visits: Sequence[Visit]) -> list[list[str]]:
    def told(moment: datetime) -> str:
        return moment.astimezone(HERE).strftime(_FORMATS[form])

    rows = [[one.key, told(one.start), told(one.end), one.state, one.doctor] for one in visits]
    return [["Mã", "Bắt đầu", "Kết thúc", "Trạng thái", "Bác sĩ"], *rows]


def _csv(visits: Sequence[Visit]) -> bytes:
    return written(_table("csv", visits), delimiter=",")


def _html(visits: Sequence[Visit]) -> bytes:
    rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in _table("html", visits))
    return f"<html><table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table></html>".encode()


def _typed(sheet: WriteOnlyWorksheet, text: str) -> WriteOnlyCell:
    """Text as somebody typed it: `=1+1` is no formula."""
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell


def _xlsx(visits: Sequence[Visit]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Lịch")
    sheet.append(["Mã", "Bắt đầu", "Kết thúc", "Trạng thái", "Bác sĩ"])
    for one in visits:
        times = [moment.astimezone(HERE).replace(tzinfo=None) for moment in (one.start, one.end)]
        cells = [one.key, *times, one.state, one.doctor]
        sheet.append([_typed(sheet, cell) if isinstance(cell, str) else cell for cell in cells])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _escaped(text: str) -> str:
    signs = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"}
    return "".join(signs.get(sign, sign) for sign in text)


def _hl7(visits: Sequence[Visit]) -> bytes:
    lines: list[str] = []
    for number, one in enumerate(visits):
        start, end = (f"{each.astimezone(HERE):%Y%m%d%H%M%S}+0700" for each in (one.start, one.end))
        lines += [
            f"MSH|^~\\&|HIS|BV|HENKHAM|VT|20261122180000||SIU^{one.state}^SIU_S12|{number}|P|2.5.1",
            f"SCH|P{number}|{_escaped(one.key)}^HIS|||||||||^^15^{start}^{end}",
            f"PID|1||SECRET{number}",
            "RGS|1",
            f"AIP|1||{_escaped(one.doctor)}^Mẫu",
        ]
    return "".join(f"{line}\r" for line in lines).encode()


def _fhir(visits: Sequence[Visit]) -> bytes:
    def resource(one: Visit) -> dict[str, object]:
        actors = ("Patient/secret", one.doctor)
        return {
            "resourceType": "Appointment", "id": one.key, "status": one.state, "start": one.start.isoformat(),
            "end": one.end.isoformat(), "participant": [{"actor": {"reference": actor}} for actor in actors],
        }  # fmt: skip

    return "".join(f"{json.dumps(resource(one), ensure_ascii=False)}\n" for one in visits).encode()


def _ical(visits: Sequence[Visit]) -> bytes:
    calendars = []
    for one in visits:
        calendar, event = Calendar(), Event()
        for name, value in (("prodid", "-//Mau//"), ("version", "2.0"), ("x-wr-calname", one.doctor)):
            calendar.add(name, value)
        for name, moment in (("dtstamp", one.start), ("dtstart", one.start), ("dtend", one.end)):
            event.add(name, moment)
        event.add("uid", one.key)
        event.add("status", one.state)
        event.add("summary", "SECRET")
        calendar.add_component(event)
        calendars.append(calendar.to_ical())
    return b"".join(calendars)


RENDERERS: dict[str, Callable[[Sequence[Visit]], bytes]] = {
    "csv": _csv, "xlsx": _xlsx, "html": _html, "hl7": _hl7, "fhir": _fhir, "ical": _ical,
}  # fmt: skip
