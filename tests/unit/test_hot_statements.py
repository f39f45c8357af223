"""The statements of a booking ask nothing twice: an expression that stands twice is planned twice."""

import itertools

import pytest
from sqlalchemy import or_, select

from booking.appointments.caps import given_up, not_only_given_up
from booking.appointments.statements import BOOK_HOLD, BOOK_SLOT, HOLD
from booking.hot import Statement


@pytest.mark.parametrize(("statement", "times"), [(BOOK_SLOT, 1), (HOLD, 1), (BOOK_HOLD, 0)])
def test_places_that_were_left_are_asked_for_once(statement: Statement, times: int) -> None:
    assert statement.sql.count("FROM place_left") == times


def test_control_the_plain_words_would_ask_twice() -> None:
    mine = given_up(device=False)
    assert Statement(select(or_(mine == 0, mine < 3))).sql.count("FROM place_left") == 2
    assert Statement(select(not_only_given_up(device=False))).sql.count("FROM place_left") == 1


@pytest.mark.parametrize(("free", "mine"), list(itertools.product(range(-2, 5), range(5))))
def test_both_ways_to_say_it_mean_the_same(free: int, mine: int) -> None:
    assert (max(free, 1) > mine) is (mine == 0 or free > mine)
