"""What we hand a hospital, read by others' parsers: csv, openpyxl, hl7apy (HL7's own structures), fhir.resources."""

import csv
import io
import json
from typing import Any

import pytest
from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.patient import Patient
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from openpyxl import load_workbook

from booking.exchange.errors import FeedError
from booking.exchange.outgoing.kinds import OutEvent
from booking.exchange.outgoing.rules import Batch, Item, standing
from booking.sheets import is_formula
from scheduler import outgoing
from scheduler.outgoing.hl7_writer import EVENTS
from scheduler.outgoing.terms import FIELDS, Outgoing
from scheduler.outgoing.terms_file import parse_terms
from tests.outgoing import MADE, NASTY, TERMS, batch, terms, visit

PERSON = {
    "name": "Trần Thị Mẫu", "birth_date": "1980-02-03", "sex": "female", "phone": "0903000001",
    "citizen_id": "077180000001", "insurance_number": "7712345678", "ward": "Phường Vũng Tàu", "guardian": "Lê Mẫu",
}  # fmt: skip
ALL = tuple(PERSON)


def rows_of(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def with_personal(name: str, *personal: str) -> Outgoing:
    return terms(name).model_copy(update={"personal": personal})


def test_a_table_holds_what_its_columns_name_in_their_order_and_words() -> None:
    told = rows_of(
        outgoing.written(terms("csv"), batch(visit(), Item(OutEvent.CANCELLED, visit(2, state="cancelled"))))
    )
    assert told == [
        ["Mã đặt khám", "Ngày khám", "Giờ khám", "Số phút", "Bác sĩ", "Dịch vụ", "Trạng thái", "Thay đổi"],
        ["ABCD0001", "23/11/2026", "07:30", "30", "004127/BRVT-CCHN", "kham-tim-mach", "Đã đặt", "Mới"],
        ["ABCD0002", "23/11/2026", "07:30", "30", "004127/BRVT-CCHN", "kham-tim-mach", "Đã hủy", "Hủy"],
    ]


def test_a_table_can_hold_every_field() -> None:
    text = (TERMS / "csv.out.toml").read_text().split("[columns]")[0] + "[columns]\n"
    every = parse_terms(text + "".join(f'"{name}" = "{name}"\n' for name in FIELDS))
    header, row = rows_of(outgoing.written(every, batch(visit(room="p12"))))
    told = dict(zip(header, row, strict=True))
    assert told["end"] == "2026-11-23 08:00"
    assert (told["practitioner"], told["room"], told["room_name"]) == ("chau", "p12", "Phòng 12")
    assert (told["number"], told["version"], told["event"], told["state"]) == ("17", "1", "new", "booked")


def test_a_delimiter_and_no_mark_may_be_asked_for() -> None:
    plain = parse_terms((TERMS / "csv.out.toml").read_text() + '[csv]\ndelimiter = "tab"\nmark = false\n')
    data = outgoing.written(plain, batch(visit()))
    assert not data.startswith(b"\xef\xbb\xbf")
    assert rows_of(data, "\t")[1][0] == "ABCD0001"


def test_no_cell_runs_in_a_spreadsheet() -> None:
    told = visit(service=NASTY, person={"name": NASTY, "phone": NASTY})
    book = with_personal("xlsx", "name", "phone")
    text = parse_terms((TERMS / "xlsx.out.toml").read_text().replace('"xlsx"', '"csv"'))
    cells = rows_of(outgoing.written(text, batch(told)))[1]
    assert sum("1+1" in cell for cell in cells) == 3
    assert not [cell for cell in cells if is_formula(cell)]
    sheet = load_workbook(io.BytesIO(outgoing.written(book, batch(told)))).active
    assert sheet is not None
    named = [cell for cell in sheet[2] if "1+1" in str(cell.value)]
    assert [cell.data_type for cell in named] == ["s"] * 3
    assert is_formula(NASTY)  # as it is, it would run


def test_a_workbook_is_read_by_openpyxl() -> None:
    data = outgoing.written(terms("xlsx"), batch(visit(person={"name": "Trần Thị Mẫu", "phone": "0903000001"})))
    sheet = load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    assert [[cell.value for cell in row] for row in sheet] == [
        ["Mã đặt khám", "Bắt đầu", "Kết thúc", "Bác sĩ", "Mã bác sĩ", "Dịch vụ", "Họ tên", "Điện thoại"],
        ["ABCD0001", "23/11/2026 07:30", "23/11/2026 08:00", "Nguyễn Thị Châu Mẫu", "BS01", "Khám tim mạch",
         "Trần Thị Mẫu", "0903000001"],
    ]  # fmt: skip


def messages_of(data: bytes) -> list[str]:
    """The messages of a file as they stand, without their envelope."""
    found: list[list[str]] = []
    for segment in data.decode().split("\r")[:-1]:
        if segment.startswith("MSH"):
            found.append([])
        if segment[:3] not in ("FHS", "BHS", "BTS", "FTS"):
            found[-1].append(segment)
    return ["\r".join(each) + "\r" for each in found]


@pytest.mark.parametrize("event", OutEvent)
def test_every_message_is_one_by_hl7s_own_structure(event: OutEvent) -> None:
    state = {OutEvent.CANCELLED: "cancelled", OutEvent.NOSHOW: "noshow"}.get(event, "booked")
    told = Item(event, visit(room="p12", state=state, person=PERSON))
    (text,) = messages_of(outgoing.written(with_personal("hl7", *ALL), batch(told)))
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    assert message.validate()
    assert message.msh.msh_9.to_er7() == f"SIU^{EVENTS[event]}^SIU_S12"
    assert message.msh.msh_18.to_er7() == "UNICODE UTF-8"
    assert message.msh.msh_10.to_er7() == "000017-000001"
    assert message.sch.sch_1.sch_1_1.to_er7() == "ABCD0001"
    assert message.siu_s12_patient.pid.pid_5.pid_5_1.to_er7() == "Trần"
    assert message.siu_s12_resources.siu_s12_personnel_resource.aip.aip_3.aip_3_1.to_er7() == "BS01"


def test_signs_of_hl7_in_a_text_part_nothing() -> None:
    told = visit(service=NASTY, person={"name": NASTY})
    (text,) = messages_of(outgoing.written(with_personal("hl7", "name"), batch(told)))
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    assert message.validate()
    service = message.siu_s12_resources.siu_s12_service.ais.ais_3.ais_3_2
    assert service.to_er7() == "=1+1\\F\\\\S\\\\R\\\\E\\\\T\\  Mẫu"


def test_a_batch_counts_its_messages_and_a_single_file_has_no_envelope() -> None:
    wrapped = outgoing.written(terms("hl7"), batch(visit(), visit(2))).decode().split("\r")
    assert [wrapped[0][:4], wrapped[1][:4], wrapped[-3], wrapped[-2]] == ["FHS|", "BHS|", "BTS|2", "FTS|1"]
    single = parse_terms((TERMS / "hl7.out.toml").read_text().replace("batch = true", "batch = false"))
    assert outgoing.written(single, batch(visit())).startswith(b"MSH|")


def test_a_bundle_is_one_by_fhirs_own_definitions() -> None:
    told = batch(visit(room="p12", person=PERSON), Item(OutEvent.CANCELLED, visit(2, state="cancelled")))
    found: Any = Bundle.model_validate_json(outgoing.written(with_personal("fhir", *ALL), told))
    kinds = [type(entry.resource) for entry in found.entry]
    assert kinds == [Patient, Appointment, Appointment]
    patient, first, second = (entry.resource for entry in found.entry)
    assert patient.name[0].text == "Trần Thị Mẫu"
    assert (first.status, second.status) == ("booked", "cancelled")
    assert first.identifier[0].value == "ABCD0001"
    assert first.slot[0].reference == "Slot/101"
    assert "Practitioner/bs01" in [each.actor.reference for each in first.participant]


def test_each_line_of_ndjson_is_a_resource_by_fhirs_own_definitions() -> None:
    lines = parse_terms((TERMS / "fhir.out.toml").read_text().replace('format = "fhir"', 'format = "ndjson"'))
    told = outgoing.written(lines, batch(visit(), visit(2, practitioner=None))).decode().splitlines()
    found: list[Any] = [Appointment.model_validate_json(line) for line in told]
    assert [each.identifier[0].value for each in found] == ["ABCD0001", "ABCD0002"]


@pytest.mark.parametrize("name", ["csv", "hl7", "fhir"])
def test_of_a_person_nothing_is_told_by_default(name: str) -> None:
    told = outgoing.written(with_personal(name), batch(visit(), full=True))
    for value in ("Trần", "0903000001", "077180000001", "7712345678", "1980", "PID|", "Patient"):
        assert value.encode() not in told


@pytest.mark.parametrize("name", ["csv", "hl7", "fhir"])
def test_the_same_batch_gives_the_same_bytes(name: str) -> None:
    assert outgoing.written(terms(name), batch(visit())) == outgoing.written(terms(name), batch(visit()))


@pytest.mark.parametrize("name", ["csv", "hl7", "fhir"])
def test_a_full_file_without_any_visit_is_a_whole_file(name: str) -> None:
    data = outgoing.written(terms(name), Batch("x", batch().facility, 1, True, MADE, []))
    if name == "fhir":
        assert Bundle.model_validate_json(data).entry is None
    else:
        assert data.decode("utf-8-sig").splitlines()


@pytest.mark.parametrize(("state", "event"), [("booked", "S12"), ("arrived", "S12"), ("noshow", "S26")])
def test_in_a_whole_file_a_visit_nobody_came_to_is_no_new_one(state: str, event: str) -> None:
    data = outgoing.written(terms("hl7"), batch(standing(visit(state=state)), full=True))
    (text,) = messages_of(data)
    assert f"|SIU^{event}^SIU_S12|" in text


def test_names_of_files_sort_in_their_order() -> None:
    names = [outgoing.file_name(terms("csv"), number, "changes") for number in (2, 10, 9, 100_000)]
    assert sorted(names) == [names[0], names[2], names[1], names[3]]
    assert names[0] == "hen-kham-000002-changes.csv"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("personal = []", 'personal = ["nme"]'), "personal: 'nme' is not known; did you mean 'name'?"),
        (('"code"', '"phone"'), "columns.Mã đặt khám: 'phone' is told of a person only where `personal` names it"),
        (('"minutes"', '"minuts"'), "columns.Số phút: 'minuts' is not known; did you mean 'minutes'?"),
        (("[full]", "[ful]"), "ful: 'ful' is not known; did you mean 'full'?"),
        (('folder = "bookings-csv"', ""), "out.folder: give either out.folder or [sftp]: where files are laid"),
        (('format = "csv"', 'format = "csvv"'), "out.format: 'csvv' is not known; did you mean 'csv'?"),
        (("[states]\nbooked", "[states]\nboked"), "states.boked: 'boked' is not known; did you mean 'booked'?"),
    ],
)
def test_a_mistake_is_named_by_its_key(change: tuple[str, str], problem: str) -> None:
    text = (TERMS / "csv.out.toml").read_text()
    assert change[0] in text
    with pytest.raises(FeedError) as found:
        parse_terms(text.replace(*change))
    assert any(line.startswith(problem) for line in found.value.problems), found.value.problems


def test_terms_are_plain_values() -> None:
    for path in TERMS.glob("*.out.toml"):
        found = parse_terms(path.read_text())
        assert Outgoing.model_validate_json(found.model_dump_json(), strict=False) == found
        assert json.dumps(Outgoing.model_json_schema())
