"""Drafts of what stands around a table: rows of totals, headers of few words, and how far a file reaches."""

from collections.abc import Sequence

import pytest

from scheduler.exports.drafting import CannotTellError, Draft, Wishes, draft
from scheduler.exports.drafting.words import counts_rows
from tests.exports import EXAMPLES, FEEDS, ROOT, TODAY, written

SAID = {"code": "x", "facility": "BVVT", "times.zone": "Asia/Ho_Chi_Minh"}
HEADER = ("Mã lịch hẹn", "Bắt đầu", "Bác sĩ", "Trạng thái")
DOCTORS, STATES = ("BS. Bình Mẫu", "BS. Ánh Mẫu"), ("Đã đặt", "Đã khám")
VISITS = [
    [f"L{one}a", f"{13 + one % 16}/12/2026 08:{15 * (one % 4):02}", DOCTORS[one % 2], STATES[one % 2]]
    for one in range(12)
]


def of(*rows: Sequence[str], header: Sequence[str] = HEADER, absence: str = "busy_list") -> Draft:
    said = SAID | {"absence.meaning": absence} if absence else SAID
    return draft(written([header, *rows]), "x.csv", today=TODAY, wishes=Wishes(said))


@pytest.mark.parametrize(
    "last",
    [
        [["Tổng cộng", "", "", "12"]],
        [["", "", "", ""], ["TỔNG SỐ: 12 lượt", "", "", ""]],
        [["Total", "12", "", ""]],
        [["Tổng cộng", "12", "", ""], ["Cộng", "12", "2", "12"]],
    ],
    ids=str,
)
def test_rows_of_totals_spoil_nothing(last: list[list[str]]) -> None:
    found, plain = of(*VISITS, *last), of(*VISITS)
    for key in ("columns.id", "columns.start", "columns.state", "times.formats"):
        assert found.findings.keys[key].value == plain.findings.keys[key].value is not None, key
    assert [each.key for each in found.resources] == [each.key for each in plain.resources]
    assert any("totals" in note for note in found.findings.notes)
    assert found.untold == plain.untold


def test_a_signature_below_the_table_has_no_date_and_no_id() -> None:
    found = of(*VISITS, ["", "", "Người lập bảng", ""], ["", "", "Trần Văn Mẫu", ""])
    assert found.findings.keys["columns.id"].value == "Mã lịch hẹn"


def test_visits_without_an_id_or_with_one_twice_still_have_none() -> None:
    without = [["", *VISITS[0][1:]], *VISITS[1:]]
    twice = [VISITS[0], *VISITS[:-1]]
    for rows in (without, twice):
        assert "columns.id" not in of(*rows).findings.keys


def test_a_visit_is_no_row_of_totals() -> None:
    assert counts_rows("Tống Thị Mẫu")  # a name may read so, but its row has a date
    last = ["Tống 1", "28/12/2026 08:00", "BS. Bình Mẫu", "Đã đặt"]
    found = of(*VISITS, last)
    assert not any("totals" in note for note in found.findings.notes)
    assert sum(each.rows for each in found.resources) == len(VISITS) + 1


def test_short_english_headers_are_known() -> None:
    rows = [[code, start, "15", doctor, state] for code, start, doctor, state in VISITS]
    keys = of(*rows, header=("Code", "When", "Length", "Provider", "Status")).findings.keys
    told = {name: keys[f"columns.{name}"].value for name in ("start", "duration", "state", "resource.name")}
    assert told == {"start": "When", "duration": "Length", "state": "Status", "resource.name": "Provider"}


def test_where_headers_say_too_little_it_is_said_what_to_do_and_no_word_is_shown() -> None:
    with pytest.raises(CannotTellError) as caught:
        of(*VISITS, header=("Foo", "Lê Thị Bí Mật", "Bar", "Baz"))
    told = str(caught.value)
    assert "row 1 may be its line of headers" in told
    assert "dates in column 2" in told
    assert "deploy/feeds" in told
    assert "Bí Mật" not in told
    with pytest.raises(CannotTellError, match="no line of headers"):
        of(*VISITS[1:], header=VISITS[0])


@pytest.mark.parametrize("absence", ["full_snapshot", "free_list"])
def test_the_coverage_is_proposed_and_asked(absence: str) -> None:
    found = of(*VISITS, ["X", "13/12/2036 08:00", "BS. Ánh Mẫu", "Đã đặt"], absence=absence)
    keys = found.findings.keys
    assert (keys["coverage.days_behind"].choices, keys["coverage.days_ahead"].choices) == ((0,), (31,))
    assert {"coverage.days_behind", "coverage.days_ahead"} <= set(found.untold)
    assert "[coverage]" in found.text
    assert "# days_ahead = 31" in found.text
    assert "from 13/12/2026 to 24/12/2026, and 1 more than a year away" in found.text


@pytest.mark.parametrize("absence", ["busy_list", "change_feed", ""])
def test_where_absence_says_nothing_no_coverage_is_asked(absence: str) -> None:
    found = of(*VISITS, absence=absence)
    assert not any(key.startswith("coverage") for key in found.untold)
    told = [note for note in found.findings.notes if "[coverage]" in note]
    assert len(told) == (not absence)


@pytest.mark.parametrize("name", ["hl7-siu", "fhir", "calendar", "workbook"])
def test_of_every_format_the_coverage_is_proposed(name: str) -> None:
    data = (ROOT / "tests" / "data" / "feeds" / EXAMPLES[name][0]).read_bytes()
    assert (FEEDS / f"{name}.toml").exists()
    found = draft(data, "x", today=TODAY, wishes=Wishes(SAID | {"absence.meaning": "full_snapshot"}))
    assert found.findings.keys["coverage.days_ahead"].choices
