"""The holidays the calendar begins with."""

from datetime import date

from booking.availability.kinds import DayKind
from booking.availability.seeding import holiday_rows

ROWS = {row["day"]: row for row in holiday_rows(range(2026, 2029))}


def test_lunar_and_new_holidays_are_there() -> None:
    for day in (date(2027, 2, 6), date(2028, 1, 26), date(2026, 11, 24), date(2027, 9, 2)):
        assert ROWS[day]["kind"] is DayKind.HOLIDAY


def test_a_substituted_day_off_is_told_from_the_holiday() -> None:
    substituted = {day for day, row in ROWS.items() if row["kind"] is DayKind.SUBSTITUTED_DAY_OFF}
    assert {date(2026, 4, 27), date(2027, 5, 3), date(2028, 1, 3), date(2026, 8, 31)} <= substituted
    assert date(2026, 4, 26) not in substituted
    assert date(2027, 2, 4) not in substituted  # the eve of Tet's eve


def test_names_are_in_both_languages_and_nothing_else_is_said() -> None:
    assert ROWS[date(2027, 2, 6)]["name"] == "Tết Nguyên Đán"
    assert ROWS[date(2027, 2, 6)]["name_en"] == "Lunar New Year"
    assert all(row["facility_id"] is None and row["works_as"] is None for row in ROWS.values())
    assert {day.year for day in ROWS} == {2026, 2027, 2028}
