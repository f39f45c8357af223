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
