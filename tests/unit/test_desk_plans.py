"""Plans of visits: the file is whole, and windows follow the anchor."""

from datetime import date, timedelta

import pytest

from booking.directory.plans import Anchor, Plan, months_after, plans, windows

TODAY = date(2026, 11, 23)


def test_every_plan_of_the_file_has_windows_in_order() -> None:
    for plan in plans().values():
        found = windows(plan, TODAY, today=date.min)
        assert [one.number for one in found] == list(range(1, len(plan.dates) + 1))
        assert all(one.first <= one.due <= one.last for one in found)
        assert [one.due for one in found] == sorted(one.due for one in found)


def test_high_blood_pressure_is_monthly_six_times_with_three_days_around() -> None:
    found = windows(plans()["tang-huyet-ap"], TODAY, today=TODAY)
    assert [one.due for one in found] == [months_after(TODAY, n) for n in range(1, 7)]
    assert {(one.due - one.first, one.last - one.due) for one in found} == {(timedelta(3), timedelta(3))}


def test_antenatal_weeks_count_back_from_the_expected_day_of_birth() -> None:
    plan = plans()["kham-thai"]
    born = TODAY + timedelta(weeks=20)
    found = windows(plan, born, today=TODAY)
    assert found[0].number == 2  # the twelfth week is over
    assert found[0].due == born - timedelta(weeks=20)


def test_a_window_that_has_begun_begins_today_and_one_that_is_over_is_left_out() -> None:
    plan = Plan(
        code="x", name="x", name_en="x", anchor=Anchor.DAY, services=("a",),
        dates=({"days": 1, "before": 1, "after": 1}, {"days": 10, "before": 9, "after": 2}),
    )  # fmt: skip
    found = windows(plan, TODAY, today=TODAY + timedelta(days=5))
    assert [(one.number, one.first) for one in found] == [(2, TODAY + timedelta(days=5))]


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 5, 5), 12, date(2027, 5, 5)),
    ],
)
def test_months_after_keeps_the_day_or_takes_the_last(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then
