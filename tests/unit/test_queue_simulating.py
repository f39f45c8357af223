"""A day of 300 patients and 6 rooms by the rule: nobody is left behind, and the judge would see it if somebody were."""

from datetime import timedelta

import pytest

from booking.cli import queue_day
from booking.queue.judging import waits, wrongs
from booking.queue.rules import Policy
from booking.queue.simulating import Day, by_rule, plan

AGEING, RATIO = timedelta(minutes=45), 2
SEEDS = range(1, 6)


def _wrong(day: Day, policy: Policy) -> set[str]:
    return {wrong.what for wrong in wrongs(day, by_rule(day, policy), ageing=AGEING, ratio=RATIO)}


def _day(seed: int) -> Day:
    return plan(patients=300, rooms=6, seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_starves_on_a_day_of_three_hundred(seed: int) -> None:
    assert _wrong(_day(seed), Policy(RATIO, AGEING)) == set()


def test_control_without_ageing_some_are_passed_by_those_who_came_much_later() -> None:
    assert _wrong(_day(1), Policy(RATIO, timedelta(days=1))) == {"passed_by_later"}


def test_control_without_the_ratio_priority_is_called_in_a_row() -> None:
    assert "priority_in_a_row" in _wrong(_day(1), Policy(1000, AGEING))


def test_control_somebody_who_is_never_called_is_missed() -> None:
    day = _day(1)
    calls = by_rule(day, Policy())
    lost = calls[-1].id
    found = wrongs(day, [call for call in calls if call.id != lost], ageing=AGEING, ratio=RATIO)
    assert [(wrong.what, wrong.people) for wrong in found] == [("never_called", (lost,))]


def test_control_one_called_before_her_own_time_past_those_who_were_due_is_seen() -> None:
    day = _day(1)
    calls = by_rule(day, Policy())
    first = next(call for call in calls if call.due > day.spans[0][0] + timedelta(hours=2))
    calls.remove(first)
    calls.insert(0, type(first)(first.id, calls[0].at, 1, first.due))
    assert first.id in next(
        wrong.people
        for wrong in wrongs(day, calls, ageing=timedelta(days=1), ratio=1000)
        if wrong.what == "early_before_due"
    )


def test_a_seed_makes_one_day_and_every_kind_of_people_is_in_it() -> None:
    assert _day(4) == _day(4)
    assert _day(4) != _day(5)
    day = _day(1)
    groups = {row.group: row for row in waits(day, by_rule(day, Policy()))}
    assert {"emergency", "booked", "booked, came late", "walk-in", "priority: pregnant", "all in line"} <= set(groups)
    assert groups["all in line"].people + groups["emergency"].people == len(day.people)
    assert groups["emergency"].longest < groups["booked"].longest


def test_the_command_prints_a_row_a_class_and_says_when_somebody_is_left_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert queue_day.run(patients=300, rooms=6, seed=1, ageing=45) == 0
    printed = capsys.readouterr().out
    assert "walk-in" in printed
    assert "Nobody was left behind" in printed
    assert queue_day.run(patients=300, rooms=6, seed=1, ageing=1440) == 1
    assert "passed by somebody who was due 45 minutes or more after them" in capsys.readouterr().out
