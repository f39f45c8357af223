"""A draft says what the file tells, asks for what it does not, and never shows a patient."""

import csv
import io
import tomllib
import unicodedata
from datetime import UTC, date, datetime, timedelta

import pytest

from booking.exchange.errors import ExportUnreadable, FeedError
from scheduler.exports.drafting import FILL_IN, CannotTellError, Draft, Wishes, draft, sample
from scheduler.exports.drafting.dates import formats_of
from scheduler.exports.drafting.letters import is_syllable
from scheduler.exports.drafting.words import role, sort_of_state
from scheduler.exports.feed_file import load_feed, parse_feed
from tests.exports import EXAMPLES, FEEDS, HIS, ROOT, SHAPES, TODAY, cells_of, closed_by, read, truth, written

SAID = {"code": "x", "facility": "BVVT", "times.zone": "Asia/Ho_Chi_Minh", "absence.meaning": "busy_list"}
FILES = ROOT / "tests" / "data" / "feeds"
HEADER = ("Mã lịch hẹn", "Bắt đầu", "Kết thúc", "Bác sĩ", "Trạng thái", "Họ tên BN", "Điện thoại")


def of(data: bytes, name: str = "x.csv", **said: str) -> Draft:
    return draft(data, name, today=TODAY, wishes=Wishes(said))


def table(days: list[date], form: str, *, header: tuple[str, ...] = HEADER) -> list[list[str]]:
    """A busy list of two doctors, a quarter of an hour each."""
    rows = [list(header)]
    for number, day in enumerate(days):
        start = datetime(day.year, day.month, day.day, 7 + number % 4, 30, tzinfo=UTC)
        end = start + timedelta(minutes=15)
        doctor = ("BS. Lê Bình Mẫu", "BS. Trần Ánh Mẫu")[number % 2]
        state = ("Đã đặt", "Bệnh nhân hủy", "Đã khám")[number % 3]
        person = [f"Nguyễn Thị Bí Mật {number}", f"09031234{number:02}"]
        rows.append([f"L{number}a", f"{start:{form}}", f"{end:{form}}", doctor, state, *person])
    return rows


def first_half(count: int = 24) -> list[date]:
    """Days that read both ways round."""
    return [date(2026, 12, 1 + number % 12) for number in range(count)]


@pytest.mark.parametrize("name", SHAPES)
def test_the_three_shapes_become_feeds_that_close_what_is_true(name: str) -> None:
    feed = load_feed(FEEDS / f"{name}.toml")
    data = (HIS / SHAPES[name]).read_bytes()
    said = SAID | {"times.zone": feed.times.zone}
    found = of(data, SHAPES[name], **said)
    assert not found.complete
    with pytest.raises(FeedError):
        parse_feed(found.text)
    # All that a person adds: who is who, and the slots' length of one without.
    owners = feed.resource_by_key()
    text = found.text
    for number, each in enumerate(found.resources, 1):
        code = owners.get(each.key.casefold(), f"other-{number}")
        text = text.replace(f'[resources."{FILL_IN} {number}"]', f"[resources.{code}]")
    drafted = parse_feed(text.replace(f'"{FILL_IN}"', "15"))
    assert drafted.columns.state is not None
    rows, _ = read(drafted, data)
    assert closed_by(rows) == truth()


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in EXAMPLES.items() for file in files])
def test_every_worked_example_reads_as_its_feed_does(name: str, file: str) -> None:
    feed = load_feed(FEEDS / f"{name}.toml")
    data = (FILES / file).read_bytes()
    found = of(data, "no-such-suffix", **(SAID | {"times.zone": feed.times.zone}))
    owners, text = feed.resource_by_key(), found.text
    assert [each.key.casefold() in owners for each in found.resources] == [True] * len(owners)
    for number, each in enumerate(found.resources, 1):
        text = text.replace(f'[resources."{FILL_IN} {number}"]', f"[resources.{owners[each.key.casefold()]}]")
    drafted = parse_feed(text.replace(f'"{FILL_IN}"', "15"))
    assert drafted.source.format == feed.source.format
    parts = [(row.resource, row.starts_at, row.ends_at, row.closes) for row in read(feed, data)[0]]
    mine = [(row.resource, row.starts_at, row.ends_at, row.closes) for row in read(drafted, data)[0]]
    missing = set(parts) - set(mine)
    assert not missing


def test_no_value_of_a_patient_stands_in_a_draft() -> None:
    for name in SHAPES:
        text = of((HIS / SHAPES[name]).read_bytes()).text
        header, *rows = cells_of(name)
        places = [place for place, cell in enumerate(header) if role(cell) == "personal"]
        assert len(places) >= 5
        values = {row[place] for row in rows for place in places if len(row[place]) > 5} - {"Bệnh viện Vũng Tàu"}
        assert not [value for value in values if value in text]


def test_a_complete_draft_is_a_feed() -> None:
    ours = [("binh", "Lê Bình Mẫu"), ("anh", "Trần Ánh Mẫu"), ("khac", "Người Khác Mẫu")]
    data = written(table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M"))
    found = draft(data, "lich.csv", today=TODAY, wishes=Wishes(SAID, ours))
    assert (found.untold, found.complete) == ((), True)
    feed = parse_feed(found.text)
    assert sorted(feed.resources) == ["anh", "binh"]
    assert [each.slot_minutes for each in feed.resources.values()] == [15, 15]
    assert len(read(feed, data)[0]) == 24
    # A name that two of ours bear is nobody's.
    assert not draft(data, "", today=TODAY, wishes=Wishes(SAID, [*ours, ("b2", "BS Lê Bình Mẫu")])).complete


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d-%m-%y %H:%M"])
def test_day_or_month_first_is_asked_when_nothing_tells(form: str) -> None:
    found = of(written(table(first_half(), form)), **SAID)
    guess = found.findings.keys["times.formats"]
    assert not guess.told
    assert [form] in guess.choices
    assert f'formats = "{FILL_IN}"' in found.text
    with pytest.raises(FeedError):
        parse_feed(found.text)


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%y %H:%M:%S"])
def test_a_day_above_twelve_tells_it_with_its_count(form: str) -> None:
    found = of(written(table([*first_half(20), *[date(2026, 12, 13 + number) for number in range(10)]], form)), **SAID)
    guess = found.findings.keys["times.formats"]
    assert guess.value == [form]
    assert any(" 20 of 60 values" in why for why in guess.evidence)


def test_values_that_contradict_each_other_are_asked() -> None:
    found = formats_of(["13/11/2026 07:30", "11/13/2026 07:30", "01/02/2026 07:30"], TODAY, clock_needed=True)
    assert found.told == ()
    assert "contradict" in found.evidence[0]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2026-11-23T07:30:00+07:00", "iso"),
        ("20261123 07:30", None),
        ("202611230730", "%Y%m%d%H%M"),
        ("20261123073000+0700", "%Y%m%d%H%M%S%z"),
        ("23/11/2026 7:30 SA", "%d/%m/%Y %H:%M"),
        ("07:30 23/11/2026", "%H:%M %d/%m/%Y"),
        ("23/11/2026 07h30", "%d/%m/%Y %Hh%M"),
        ("Thứ Hai, 23/11/2026 07:30", "%a, %d/%m/%Y %H:%M"),
        ("23 Nov 2026 07:30", "%d %b %Y %H:%M"),
        ("23 tháng 11 2026 07:30", "%d %b %Y %H:%M"),
        ("46349.3125", "excel1900"),
        ("23/11/2026 07:30:00 GMT+7", "%d/%m/%Y %H:%M:%S %z"),
        ("23/11/2026 07:30 - 08:00", None),
        ("0903123456", None),
        ("Nguyễn Văn Mẫu", None),
    ],
)
def test_how_values_are_written(value: str, form: str | None) -> None:
    expected = () if form is None else (form.replace("%H:%M", "%I:%M %p") if "SA" in value else form,)
    assert formats_of([value], TODAY, clock_needed=True).told == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
def test_encodings_by_their_letters(encoding: str) -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t").writerows(rows)
    data = text.getvalue()
    if encoding == "cp1258":
        data = "".join(sign if _fits(sign) else _taken_apart(sign) for sign in data)
    found = of(data.encode(encoding), **SAID)
    expected = {"utf-8-sig": "utf-8", "cp1258": "windows-1258"}.get(encoding, encoding)
    assert found.findings.keys["csv.encoding"].value == expected
    assert found.findings.keys["columns.state"].value == "Trạng thái"
    assert found.findings.keys["csv.delimiter"].value == "tab"


def _fits(sign: str) -> bool:
    try:
        return bool(sign.encode("cp1258"))
    except UnicodeEncodeError:
        return False


def _taken_apart(sign: str) -> str:
    """A letter and its tone, as Windows writes Vietnamese."""
    first, *marks = list(unicodedata.normalize("NFD", sign))
    tone = next(mark for mark in marks if mark in "\u0300\u0301\u0303\u0309\u0323")
    return unicodedata.normalize("NFC", first + "".join(mark for mark in marks if mark != tone)) + tone


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"%PDF-1.7 ...",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
        b"PK\x03\x04 no workbook",
        b"hello\nworld\n",
        b"a,b\0c\n",
        b"MSH|^~\\&|HIS\r",
        b'{"resourceType": "Bundle", "entry": []}',
        b'{"a": 1}',
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        b"<html><table><tr><td>x</td></tr></table></html>",
        b"<?xml version='1.0'?><GIAMDINHHS/>",
        bytes(range(256)) * 40,
        b'Start,Doctor\n"2026',
    ],
)
def test_junk_is_said_to_be_junk(data: bytes) -> None:
    with pytest.raises((CannotTellError, ExportUnreadable)) as caught:
        of(data)
    assert isinstance(caught.value, CannotTellError)


def test_a_file_without_a_header_shows_nobody() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")[1:]
    with pytest.raises(CannotTellError) as caught:
        of(written(rows))
    assert "Bí Mật" not in str(caught.value)
    assert "header" in str(caught.value)
    # The same when the first row has no date of its own.
    rows[0][1] = rows[0][2] = ""
    with pytest.raises(CannotTellError):
        of(written(rows))


def test_a_title_above_the_header_is_skipped() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    data = written([["Lịch hẹn từ 23/11/2026"], [], *rows])
    found = of(data, **SAID)
    assert found.findings.keys["csv.skip_lines"].value == 2
    assert "columns.start" not in found.untold


def test_two_times_in_one_cell_are_named_and_not_read() -> None:
    rows = [["Mã lịch", "Ngày hẹn", "Khung giờ", "Bác sĩ"]]
    rows += [[f"{number}x", "23/11/2026", "07:30-08:00", "BS Mẫu"] for number in range(5)]
    found = of(written(rows), **SAID)
    assert "columns.start" in found.untold
    assert any("two times in one cell" in why for why in found.findings.keys["columns.start"].evidence)


def test_two_columns_that_may_be_the_begin_are_asked() -> None:
    header = ("Mã lịch hẹn", "Ngày khám", "Ngày hẹn", "Bác sĩ", "Trạng thái", "Họ tên BN", "Điện thoại")
    found = of(
        written(table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M", header=header)), **SAID
    )
    assert found.findings.keys["columns.start"].choices == ("Ngày khám", "Ngày hẹn")


def test_words_that_only_say_cancelled_stay_closed() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    rows = [[cell.replace("Bệnh nhân hủy", "Đã hủy").replace("Đã khám", "Lạ") for cell in row] for row in rows]
    rows[1][4] = "Nguyễn Thị Bí Mật xin dời"
    found = of(written(rows), **SAID)
    keys = found.findings.keys
    assert keys["states.closes"].value == ["Đã đặt"]
    assert not keys["states.releases"].told
    assert len(keys["states.releases"].evidence) == 3
    assert "Bí Mật" not in found.text


def test_a_column_of_persons_is_no_list_of_doctors() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    swapped = [[*row[:3], row[5], row[4], row[5], row[6]] for row in rows]
    swapped[0] = list(HEADER)
    found = of(written(swapped), **SAID)
    assert "columns.resource.name" in found.untold
    assert "Bí Mật" not in found.text


def test_a_line_number_is_no_id() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    numbered = [[str(number) if number else row[0], *row[1:]] for number, row in enumerate(rows)]
    assert "columns.id" in of(written(numbered), **SAID).untold


def test_a_last_line_without_end_is_asked() -> None:
    data = written(table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M"))
    assert "csv.last_line_end" in of(data[:-2], **SAID).untold


def test_an_offset_in_every_value_tells_the_zone() -> None:
    data = written(table([TODAY + timedelta(number) for number in range(24)], "%Y-%m-%dT%H:%M:%S+07:00"))
    said = {name: value for name, value in SAID.items() if name != "times.zone"}
    assert of(data, **said).findings.keys["times.zone"].told
    assert not of(data.replace(b"+07:00", b"", 1), **said).findings.keys["times.zone"].told


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Họ tên BN", "personal"),
        ("Họ tên bác sĩ", "doctor"),
        ("Điện thoại bác sĩ", "personal"),
        ("Mã BS", "doctor_code"),
        ("MaLichHen", "id"),
        ("Mã bệnh nhân", "personal"),
        ("ngay_hen", "start2"),
        ("Ngày đặt", "other_time"),
        ("NGÀY SINH", "personal"),
        ("STT", "line_number"),
        ("Phòng khám", "room"),
        ("Tình trạng thanh toán", ""),
        ("Họ và tên", "personal"),
        ("End", "end"),
    ],
)
def test_roles_of_headers(header: str, found: str) -> None:
    assert role(header) == found


def test_states_that_release_say_by_whom() -> None:
    words = ("Bị hủy bởi bệnh nhân", "user_cancelled", "Bị hủy bởi Trung tâm y tế", "Cancelled", "Không hủy", "Trống")
    assert [sort_of_state(word) for word in words] == ["releases", "releases", "closes", "cancelled", "unknown", "free"]


def test_syllables() -> None:
    good = "nguyễn trạng thái bác sĩ khuya khuyết giường quyết nghiêng đường uống xoèn hủy huỷ quý thuở"
    assert [word for word in good.split() if not is_syllable(word)] == []
    assert [word for word in ("nguyÔn", "tr¹ng", "ðßng", "baùc", "só", "ñöôøng") if is_syllable(word)] == ["só"]


def test_the_draft_is_toml_whatever_the_headers_hold() -> None:
    header = ("Mã lịch hẹn", 'Bắt "đầu"', "Kết\nthúc", "Bác\tsĩ", "Trạng thái", "Họ tên BN\x7f", "# [x]\x1b")
    data = written(table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M", header=header))
    found = of(data, **SAID)
    assert tomllib.loads(found.text)["columns"]["start"] == 'Bắt "đầu"'
    assert sample.kind_of(io.BytesIO(data)) == "csv"


def test_a_clock_that_may_have_lost_its_halves_is_noted() -> None:
    rows = table([TODAY + timedelta(number) for number in range(24)], "%d/%m/%Y %H:%M")
    early = [[cell.replace(" 07:", " 01:").replace(" 08:", " 02:") for cell in row] for row in rows]
    assert any("12-hour clock" in note for note in of(written(early)).findings.notes)
    assert not any("12-hour clock" in note for note in of(written(rows)).findings.notes)
