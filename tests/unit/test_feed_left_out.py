"""What stands in a file and is no visit: what was deleted, headers printed again, text that an escape hides."""

import json
from io import BytesIO
from typing import Any

import pytest

from scheduler.exports.feed_file import load_feed, parse_feed
from scheduler.exports.kinds_of_file import looks_like
from tests.exports import FEEDS, ROOT, read

FHIR = load_feed(FEEDS / "fhir.toml")
CALENDAR = load_feed(FEEDS / "calendar.toml")
SMALL = """
code = "small"
facility = "BVVT"
[source]
format = "csv"
[columns]
start = "Start"
[columns.resource]
doctor = "Doctor"
[times]
formats = ["%d/%m/%Y %H:%M"]
zone = "Asia/Ho_Chi_Minh"
[absence]
meaning = "busy_list"
[resources.an]
keys = ["Dr An"]
slot_minutes = 15
"""


def version(number: str, status: str = "booked") -> dict[str, Any]:
    who = [{"actor": {"reference": "Practitioner/bs01"}}]
    when = {"start": "2026-11-23T07:30:00+07:00", "end": "2026-11-23T08:00:00+07:00"}
    inner = {"resourceType": "Appointment", "id": number, "status": status, "participant": who} | when
    return {"resource": inner, "request": {"method": "PUT", "url": f"Appointment/{number}"}}


def deleted(number: str) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": f"Appointment/{number}"}}


def keys(kind: str, *entries: dict[str, Any]) -> list[str | None]:
    said = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return [row.row_key for row in read(FHIR, json.dumps(said).encode())[0]]


def test_what_was_deleted_takes_no_time() -> None:
    assert keys("history", deleted("1"), version("1"), version("2")) == ["Appointment/2"]
    assert keys("history", version("1"), deleted("1"), version("1", "cancelled"), version("2")) == [
        "Appointment/1", "Appointment/2",
    ]  # fmt: skip
    assert keys("transaction", version("1"), version("2"), deleted("1")) == ["Appointment/2"]
    assert keys("history", {"request": {"method": "GET", "url": "Appointment/1"}}, version("1")) == ["Appointment/1"]


def test_a_header_printed_again_is_no_row() -> None:
    lines = ["Start,Doctor", "23/11/2026 07:30,Dr An", "Start,Doctor", "23/11/2026 08:00,Dr An", "Start,Dr Chi", ""]
    rows, report = read(parse_feed(SMALL), "\n".join(lines).encode())
    assert len(rows) == 2
    assert report.skipped == {"blank": 1, "unmapped_resource": 1}


def test_a_calendars_name_is_read_without_its_escapes() -> None:
    data = (ROOT / "tests" / "data" / "feeds" / "calendar.ics").read_bytes()
    wanted = read(CALENDAR, data)[0]
    text = (FEEDS / "calendar.toml").read_text().replace("BS. Nguyễn An Mẫu", "BS. Nguyễn, An; Mẫu")
    escaped = data.replace("BS. Nguyễn An Mẫu".encode(), "BS. Nguyễn\\, An\\; Mẫu".encode())
    assert escaped != data
    assert [row.resource for row in read(parse_feed(text), escaped)[0]] == [row.resource for row in wanted]


@pytest.mark.parametrize(
    "begin", [b"<Workbook xmlns=", b"<?mso-application progid='Excel.Sheet'?>\n<ss:Workbook xmlns:ss="]
)
def test_a_workbook_in_xml_is_called_so(begin: bytes) -> None:
    text = b"<?xml version='1.0'?>\n" + begin + b"'urn:schemas-microsoft-com:office:spreadsheet'>"
    assert "save it as .xlsx" in looks_like(BytesIO(text))
    page = b"<html><head><xml><x:ExcelWorkbook></x:ExcelWorkbook></xml></head><table></table></html>"
    assert looks_like(BytesIO(page)) == "html"
