"""When two visits of one person lie too close to manage both."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.appointments.rules import BESIDE_ELSEWHERE, BESIDE_HERE, overlaps

START = datetime(2026, 12, 3, 1, 0, tzinfo=UTC)
LENGTH = timedelta(minutes=15)


def _beside(gap: timedelta, *, same_place: bool) -> set[bool]:
    """The judgement of a visit and one that begins `gap` after its end, either way round."""
    one, other = (START, START + LENGTH), (START + LENGTH + gap, START + 2 * LENGTH + gap)
    return {overlaps(one, other, same_place=same_place), overlaps(other, one, same_place=same_place)}


@pytest.mark.parametrize(
    ("minutes", "here", "elsewhere"),
    [(-15, True, True), (0, True, True), (29, True, True), (30, False, True), (59, False, True), (60, False, False)],
)
def test_half_an_hour_is_needed_at_one_place_and_an_hour_on_the_way_to_another(
    minutes: int, *, here: bool, elsewhere: bool
) -> None:
    assert _beside(timedelta(minutes=minutes), same_place=True) == {here}
    assert _beside(timedelta(minutes=minutes), same_place=False) == {elsewhere}


def test_the_way_to_another_place_takes_longer() -> None:
    assert BESIDE_ELSEWHERE > BESIDE_HERE
