"""Each shape of the sample closes exactly the true slots; each of the mistakes it was made for does not."""

import pytest

from booking.exchange.guarding import Scope, guard
from booking.exchange.kinds import AbsenceMeaning, GuardReason, SkipReason, VerdictKind
from booking.exchange.rules import closed_slots, closings, outside_hours
from scheduler.exports.checking import check, read_file
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.report import local
from tests.exports import (
    FEEDS,
    HIS,
    SHAPES,
    TODAY,
    cells_of,
    closed_by,
    closed_by_report,
    grid,
    open_as_free_list,
    read,
    shape,
    truth,
    written,
)


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_closes_exactly_the_true_slots(name: str) -> None:
    rows, report = read(*shape(name))
    assert closed_by(rows) == truth()
    assert len(truth()) == 773
    assert report.verdict.kind is VerdictKind.APPLY
    assert report.skipped == {SkipReason.NO_START: 3, SkipReason.NO_RESOURCE: 6, SkipReason.IGNORED_RESOURCE: 4}
    assert (report.refused, report.unmapped, report.unknown_states) == ({}, {}, {"": 4})
    assert report.notes == {"end_not_after_start": 3, "outside_coverage": 2}
    assert (local(report.first_start), local(report.last_start)) == (
        "2026-11-20T06:30:00+07:00",
        "2026-12-06T11:15:00+07:00",
    )
    assert report.read == 1665 == report.closes + report.releases


@pytest.mark.parametrize("name", SHAPES)
def test_the_busy_times_of_the_check_close_the_same_without_a_calendar(name: str) -> None:
    feed, _ = shape(name)
    assert closed_by_report(check(feed, HIS / SHAPES[name], today=TODAY)) == truth()


@pytest.mark.parametrize("name", SHAPES)
def test_read_as_a_list_of_free_times_only_what_is_offered_stays_open(name: str) -> None:
    feed, data = shape(name)
    rows, _ = read(feed, data)
    closed = closed_slots(rows, grid(), meaning=AbsenceMeaning.FREE_LIST, window=feed.window(TODAY))
    assert {(slot.resource, slot.starts_at) for slot in grid() if slot.id not in closed} == open_as_free_list()
    as_free = feed.model_copy(update={"absence": feed.absence.model_copy(update={"meaning": AbsenceMeaning.FREE_LIST})})
    busy = {(resource, start) for resource, start, _ in closed_by_report(read(as_free, data)[1])}
    assert {(slot.resource, slot.starts_at) for slot in grid()} - busy == open_as_free_list()


@pytest.mark.parametrize(
    ("name", "zone"), [("gnuhealth-url", "Asia/Ho_Chi_Minh"), ("gnuhealth-desktop-vi", "UTC")], ids=str
)
def test_the_wrong_zone_is_wrong_and_is_noticed(name: str, zone: str) -> None:
    feed, data = shape(name)
    wrong = feed.model_copy(update={"times": feed.times.model_copy(update={"zone": zone})})
    rows, report = read(wrong, data)
    assert len(truth() - closed_by(rows)) > 500
    assert report.verdict.kind is VerdictKind.HOLD
    assert GuardReason.OUTSIDE_HOURS in dict(report.verdict.reasons)


def test_day_and_month_swapped_are_wrong_and_are_noticed() -> None:
    feed, data = shape("gnuhealth-desktop-vi")
    wrong = feed.model_copy(update={"times": feed.times.model_copy(update={"formats": ("%m/%d/%Y %H:%M:%S",)})})
    rows, report = read(wrong, data)
    assert closed_by(rows) != truth()
    assert report.verdict.kind is not VerdictKind.APPLY
    assert GuardReason.MANY_REFUSED in dict(report.verdict.reasons)


def test_doctors_keyed_by_name_are_confused() -> None:
    text = (FEEDS / "gnuhealth-url.toml").read_text()
    text = text.replace('[["licence"], ["name", "specialty"]]', '[["name"]]')
    for licence, name in {
        "001234/BRVT-CCHN": "Nguyễn, Thị Minh Châu",
        "000567/BRVT-CCHN": "Trần, Văn Đức",
        "002011/BRVT-CCHN": "Lê, Hoàng Phương Uyên",
        "0003459/HCM-CCHN": "Phạm, Quốc Huy",
        "004127/BRVT-CCHN": "Vũ, Đình Khôi",
        "Đặng, Thị Ánh Tuyết | Da liễu": "Đặng, Thị Ánh Tuyết",
        "000031/BRVT-CCHN": "Hồ, Thanh Sơn",
    }.items():
        text = text.replace(f'"{licence}"', f'"{name}"')
    rows, _ = read(parse_feed(text), shape("gnuhealth-url")[1])
    assert closed_by(rows) != truth()


def test_equal_starts_instead_of_overlap_would_miss_slots() -> None:
    rows, _ = read(*shape("gnuhealth-url"))
    starts = {(row.resource, row.starts_at) for row in rows if row.closes}
    by_start = {
        (slot.resource, slot.starts_at, slot.ends_at) for slot in grid() if (slot.resource, slot.starts_at) in starts
    }
    assert by_start < truth()


def test_a_row_limit_left_on_is_noticed_beside_the_file_before() -> None:
    feed, data = shape("gnuhealth-url")
    before = read(feed, data)[1].signs
    cells = cells_of("gnuhealth-url")
    _, cut = read(feed, written(cells[:1001]))
    verdict = guard(before, cut.signs, scope=Scope(TODAY))
    assert verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert {GuardReason.ROWS_SHRANK, GuardReason.DAYS_MISSING} <= set(dict(verdict.reasons))
    assert guard(before, before, scope=Scope(TODAY)).kind is VerdictKind.APPLY


def test_our_slots_serve_as_hours_for_the_guard_as_well() -> None:
    feed, data = shape("gnuhealth-url")
    hours = {
        doctor: sorted((slot.starts_at, slot.ends_at) for slot in grid() if slot.resource == doctor)
        for doctor in feed.resources
    }
    compared, outside = outside_hours(read(feed, data)[0], hours)
    assert outside / compared < 0.05
    wrong = feed.model_copy(update={"times": feed.times.model_copy(update={"zone": "Asia/Ho_Chi_Minh"})})
    compared, outside = outside_hours(read(wrong, data)[0], hours)
    assert outside / compared > 0.5


def test_no_word_about_a_patient_leaves_the_reader() -> None:
    header, *body = cells_of("gnuhealth-url")
    private = [place for place, name in enumerate(header) if name.startswith("Patient/") or name == "Comments"]
    secrets = {row[place] for row in body for place in private if len(row[place]) > 5}
    feed, data = shape("gnuhealth-url")
    rows, _ = read(feed, data)
    said = f"{rows} {check(feed, HIS / SHAPES['gnuhealth-url'], today=TODAY).as_json()}"
    assert len(secrets) > 1000
    assert not [secret for secret in secrets if secret in said]
    assert "001234" not in said  # nor a key that served its purpose


def test_a_slot_names_the_rows_that_close_it() -> None:
    rows, _ = read_file(shape("gnuhealth-url")[0], HIS / SHAPES["gnuhealth-url"], today=TODAY)
    because = closings(rows, grid())
    first = next(slot for slot in grid() if slot.resource == "chau")
    assert [row.row_key for row in because[first.id]] == ["9"]
