"""Drafts of files whose headers say little: what the cells tell, what is asked, and how browsers write a moment."""

from datetime import UTC, date, datetime, timedelta

import pytest

from scheduler.exports.drafting import Draft, Wishes, draft
from scheduler.exports.times import Times
from tests.exports import TODAY, written

SAID = {"code": "x", "facility": "BVVT", "times.zone": "Asia/Ho_Chi_Minh", "absence.meaning": "busy_list"}
MOMENTS = [datetime(2026, 12, 1 + number % 20, 8, 15 * (number % 4)) for number in range(40)]  # noqa: DTZ001  written only
STATES = ("Đã đặt", "Bệnh nhân hủy", "Đã khám", "Không đến")


def of(header: tuple[str, ...], *cells: list[str]) -> Draft:
    """A draft of columns."""
    rows = [list(row) for row in zip(*cells, strict=True)]
    return draft(written([header, *rows]), "x.csv", today=TODAY, wishes=Wishes(SAID))


def column(form: str, minutes: int = 0) -> list[str]:
    return [(each + timedelta(minutes=minutes)).strftime(form) for each in MOMENTS]


DOCTORS = [("BS. Lê Bình Mẫu", "BS. Trần Ánh Mẫu")[number % 2] for number in range(40)]
WORDS = [STATES[number % 4] for number in range(40)]
IDS = [f"L{number}a" for number in range(40)]


def test_a_state_is_known_by_its_words() -> None:
    found = of(("Mã", "Bắt đầu", "Bác sĩ", "TT"), IDS, column("%d/%m/%Y %H:%M"), DOCTORS, WORDS)
    assert found.findings.keys["columns.state"].value == "TT"
    assert "words of states" in found.text


def test_two_columns_of_states_are_asked() -> None:
    shifted = WORDS[1:] + WORDS[:1]
    found = of(("Mã", "Bắt đầu", "Bác sĩ", "TT", "X"), IDS, column("%d/%m/%Y %H:%M"), DOCTORS, WORDS, shifted)
    assert "columns.state" in found.untold


def test_without_a_state_it_is_said_that_every_row_takes_its_time() -> None:
    found = of(("Mã", "Bắt đầu", "Bác sĩ"), IDS, column("%d/%m/%Y %H:%M"), DOCTORS)
    assert "no column of states was found" in found.text


@pytest.mark.parametrize(("minutes", "asked"), [(20, True), (-20, False), (3000, False)])
def test_moments_behind_the_begin_are_asked_as_ends(minutes: int, asked: bool) -> None:  # noqa: FBT001
    form = "%d/%m/%Y %H:%M"
    found = of(("Mã", "Bắt đầu", "Hết", "Bác sĩ"), IDS, column(form), column(form, minutes), DOCTORS)
    assert ("columns.end" in found.untold) is asked


@pytest.mark.parametrize(
    ("form", "drafted"),
    [
        ("%a %b %d %Y %H:%M:%S GMT+0700 (Indochina Time)", "%a %b %d %Y %H:%M:%S %z"),
        ("%d-%b-%y %H:%M", "%d-%b-%y %H:%M"),
        ("%d %b %Y %H:%M", "%d %b %Y %H:%M"),
    ],
)
def test_named_months_and_zones_as_browsers_write_them(form: str, drafted: str) -> None:
    found = of(("Mã", "Bắt đầu", "Bác sĩ"), IDS, column(form), DOCTORS)
    assert found.findings.keys["times.formats"].value == [drafted]


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("Sun Dec 06 2026 09:15:00 GMT+0700 (Indochina Time)", 2),
        ("Sun Dec 06 2026 09:15:00 GMT+0700 (Giờ Đông Dương)", 2),
        ("Sun Dec 06 2026 09:15:00 GMT (Greenwich Mean Time)", 9),
        ("Sun Dec 06 2026 09:15:00 (Indochina Time)", None),
        ("Sun Dec 06 2026 09:15:00 GMT+0700 (7)", None),
    ],
)
def test_the_name_of_a_zone_in_brackets_says_nothing_by_itself(value: str, hour: int | None) -> None:
    read = Times(["%a %b %d %Y %H:%M:%S %z"], "Asia/Ho_Chi_Minh").moment(value)
    wanted = datetime.combine(date(2026, 12, 6), datetime.min.time(), UTC)
    assert read == (None if hour is None else wanted + timedelta(hours=hour, minutes=15))


CLOCKS = [f"{7 + number // 4 % 4:02}:{15 * (number % 4):02}" for number in range(40)]
UNTIL = [
    f"{7 + (number + 1) // 4 % 4 if number % 16 != 15 else 11:02}:{15 * ((number + 1) % 4):02}" for number in range(40)
]
DAYS = [f"{13 + number % 16}/12/2026" for number in range(40)]


@pytest.mark.parametrize(("header", "taken"), [("Đến giờ", True), ("Tới", True), ("Giờ", False), ("Hết", False)])
def test_times_of_day_behind_the_begin_are_the_end_or_asked(header: str, taken: bool) -> None:  # noqa: FBT001
    found = of(("Mã", "Ngày khám", "Giờ khám", header, "Bác sĩ"), IDS, DAYS, CLOCKS, UNTIL, DOCTORS)
    assert found.findings.keys["columns.end_time"].value == (header if taken else None)
    assert ("columns.end_time" in found.untold) is not taken
    whole = [f"{day} {clock}" for day, clock in zip(DAYS, CLOCKS, strict=True)]
    beside = of(("Mã", "Bắt đầu", header, "Bác sĩ"), IDS, whole, UNTIL, DOCTORS)
    assert beside.findings.keys["columns.end_time"].value == (header if taken else None)
    if taken:
        assert "0 refused, 0 noted as odd" in found.text
        assert "0 refused, 0 noted as odd" in beside.text


def test_times_of_day_before_the_begin_are_no_end() -> None:
    found = of(("Mã", "Ngày khám", "Giờ khám", "Đến giờ", "Bác sĩ"), IDS, DAYS, UNTIL, CLOCKS, DOCTORS)
    assert "columns.end_time" not in found.findings.keys


def test_single_quotes_around_cells_are_proposed() -> None:
    rows = zip(IDS, column("%d/%m/%Y %H:%M"), DOCTORS, strict=True)
    data = written([("Mã", "Bắt đầu", "Bác sĩ")], quote="'")
    data += b"".join(f"'{one}','{two}','Khoa A, {three}'\r\n".encode() for one, two, three in rows)
    found = draft(data, "x.csv", today=TODAY, wishes=Wishes(SAID))
    assert found.findings.keys["csv.quote"].value == "'"
    assert found.findings.keys["columns.id"].value == "Mã"
    assert "40 rows are used, 0 refused" in found.text
    guarded = [f"'{code}" for code in IDS]
    plain = of(("Mã", "Bắt đầu", "Bác sĩ"), guarded, column("%d/%m/%Y %H:%M"), DOCTORS)
    assert "csv.quote" not in plain.findings.keys, "a mark before a number is no quote"


@pytest.mark.parametrize(("filled", "asked", "noted"), [(2, True, False), (30, False, True), (39, False, False)])
def test_a_doctor_who_stands_in_few_rows_is_asked_or_noted(filled: int, asked: bool, noted: bool) -> None:  # noqa: FBT001
    few = [name if number < filled else "" for number, name in enumerate(DOCTORS)]
    found = of(("Mã", "Bắt đầu", "Bác sĩ"), IDS, column("%d/%m/%Y %H:%M"), few)
    assert ("columns.resource.name" in found.untold) is asked
    assert any("filled in only" in note for note in found.findings.notes) is noted
    assert ("first row of a group" in found.text) is (asked or noted)
