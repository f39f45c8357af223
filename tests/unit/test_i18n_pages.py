"""Dates, names and numbers as people here write them, and the pieces pages are built from."""

from datetime import UTC, date, datetime

import pytest

from booking.availability.kinds import NothingFree
from booking.availability.rules import WhyNot
from booking.i18n import LANGUAGES, plural, preferred, show_day, show_month, show_number, show_time, translate
from booking.mobile.finding.calendar import earliest, halves, months, summary
from booking.web.pages import environment, local_path, said_day

MONDAY = date(2026, 11, 30)


def test_days_and_months_in_both_languages() -> None:
    assert show_day(MONDAY, "vi") == "Thứ Hai, 30/11/2026"
    assert show_day(MONDAY, "en") == "Monday, 30 November 2026"
    assert said_day(MONDAY, "vi") == "thứ Hai 30/11"
    assert said_day(MONDAY, "en") == "Monday 30 November"
    assert show_month(MONDAY, "vi") == "Tháng 11 năm 2026"
    assert show_number(12500, "vi") == "12.500"
    assert show_number(12500, "en") == "12,500"


def test_times_are_those_of_the_facilitys_clock() -> None:
    assert show_time(datetime(2026, 11, 29, 17, 30, tzinfo=UTC)) == "00:30"


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, "vi"), ("", "vi"), ("en-GB,en;q=0.9", "en"), ("vi-VN,en;q=0.8", "vi"), ("fr,en;q=0.5", "en"), ("fr", "vi")],
)
def test_the_browsers_language(header: str | None, expected: str) -> None:
    assert preferred(header) == expected


def test_each_environment_speaks_one_language_only() -> None:
    for language, expected in (("vi", "Đặt lịch khám"), ("en", "Book a visit"), ("vi", "Đặt lịch khám")):
        made = environment("vi" if language == "vi" else "en").from_string('{{ _("Book a visit") }}')
        assert made.render() == expected


def test_values_are_escaped_and_words_are_not() -> None:
    template = environment("en").from_string('{{ _("Search: %(words)s", words=q) }}')
    assert template.render(q="<b>100%</b>") == "Search: &lt;b&gt;100%&lt;/b&gt;"


def test_one_and_many() -> None:
    assert plural("en", "%(num)s place", "%(num)s places", 1) == "%(num)s place"
    assert plural("vi", "%(num)s place", "%(num)s places", 2) == "%(num)s chỗ"
    assert translate("vi", "no such text at all") == "no such text at all"
    assert LANGUAGES == ("vi", "en")


def test_a_month_knows_where_its_first_day_stands() -> None:
    since = datetime(2026, 11, 30, 17, tzinfo=UTC)
    reasons = (
        (29, NothingFree.NO_SESSION), (30, NothingFree.FULL), (2, NothingFree.CLOSED), (3, NothingFree.OFF),
        (5, NothingFree.OVER),
    )  # fmt: skip
    why = {date(2026, 11 if day > 20 else 12, day): WhyNot(reason) for day, reason in reasons}
    shown = months(
        {date(2026, 12, 1): 3}, why | {date(2026, 12, 4): WhyNot(NothingFree.LATER, since)},
        first=date(2026, 11, 29), last=date(2026, 12, 5), holidays={date(2026, 12, 3): "Lễ mẫu"},
    )  # fmt: skip
    assert [(month.first, month.column) for month in shown] == [(date(2026, 11, 29), 7), (date(2026, 12, 1), 2)]
    states = [(day.day.day, day.state, day.free, day.holiday) for month in shown for day in month.days]
    assert states == [
        (29, "none", 0, None), (30, "full", 0, None), (1, "free", 3, None), (2, "closed", 0, None),
        (3, "closed", 0, "Lễ mẫu"), (4, "later", 0, None), (5, "over", 0, None),
    ]  # fmt: skip
    assert shown[1].days[3].since == since
    first = earliest(shown)
    assert first is not None
    assert first.day == date(2026, 12, 1)
    assert earliest([]) is None
    told = summary(shown)
    assert (told.full, told.closed, [day.holiday for day in told.holidays]) == (1, 1, ["Lễ mẫu"])


def test_times_by_half_day_with_the_full_ones_named() -> None:
    def slot(start: str, status: str, who: str | None = None) -> dict[str, object]:
        return {"start": f"2026-11-30T{start}:00+07:00", "status": status, "practitioner": who}

    shown = halves(
        [slot("07:30", "free"), slot("07:30", "full"), slot("11:59", "full"), slot("12:00", "free", "BS. Mẫu")]
    )
    assert [(half.morning, len(half.free), half.full, half.practitioner) for half in shown] == [
        (True, 1, ["2026-11-30T11:59:00+07:00"], None),
        (False, 1, [], "BS. Mẫu"),
    ]
    assert halves([slot("08:00", "closed")]) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/f/TYT-01?start=2026-11-30", "/f/TYT-01?start=2026-11-30"),
        ("/", "/"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_only_paths_of_ours_are_gone_back_to(given: str, expected: str) -> None:
    assert local_path(given) == expected
