"""The expected time: a band that is honest, wider the more people are ahead, never before one's own time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from booking.queue.estimating import (
    ENOUGH,
    NARROWEST,
    STEP,
    WORTH_SAYING,
    expected,
    headway,
    minutes_late,
    planned_headway,
    visit_minutes,
)

OPENS = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
_ahead = st.integers(0, 200)
_coming = st.integers(0, 60)
_pace = st.floats(0.5, 60)
_now = st.integers(-3600, 20_000).map(lambda seconds: OPENS + timedelta(seconds=seconds))
_own = st.none() | st.integers(0, 100).map(lambda step: OPENS + step * STEP)


def _on_the_clock(moment: datetime) -> bool:
    return moment.minute % 5 == 0 and moment.second == 0 and moment.microsecond == 0


@given(_ahead, _coming, _pace, _now, _own)
def test_the_band_is_in_steps_of_five_minutes_and_never_before_ones_own_time(
    ahead: int, coming: int, minutes: float, now: datetime, own: datetime | None
) -> None:
    band = expected(ahead=ahead, coming=coming, minutes=minutes, now=now, opens=OPENS, own_start=own)
    assert _on_the_clock(band.start)
    assert _on_the_clock(band.end)
    assert band.end - band.start >= NARROWEST
    assert own is None or band.start >= own
    assert band.end > max(now, OPENS)
    assert band.start > max(now, OPENS) - STEP


@given(_ahead, _ahead, _coming, _pace, _now, _own)
def test_more_people_ahead_is_never_sooner_and_never_surer(
    some: int, more: int, coming: int, minutes: float, now: datetime, own: datetime | None
) -> None:
    near, far = (
        expected(ahead=number, coming=coming, minutes=minutes, now=now, opens=OPENS, own_start=own)
        for number in sorted((some, more))
    )
    assert near.start <= far.start
    assert near.end <= far.end
    slack = STEP if own is None else (own - min(own, near.start)) + STEP + max(timedelta(0), far.start - near.start)
    assert (far.end - far.start) >= (near.end - near.start) - slack


@given(_ahead, st.floats(1, 30), st.floats(0.75, 1.35))
def test_a_session_that_keeps_its_pace_more_or_less_calls_within_the_band(
    ahead: int, minutes: float, really: float
) -> None:
    band = expected(ahead=ahead, coming=0, minutes=minutes, now=OPENS, opens=OPENS, own_start=None)
    called = OPENS + timedelta(minutes=ahead * minutes * really)
    assert band.start <= called <= band.end


@given(_ahead, _pace, st.integers(0, 40), st.integers(0, 40))
def test_whoever_may_still_come_first_makes_it_later_but_not_sooner(
    ahead: int, minutes: float, some: int, more: int
) -> None:
    few, many = (
        expected(ahead=ahead, coming=number, minutes=minutes, now=OPENS, opens=OPENS, own_start=None)
        for number in sorted((some, more))
    )
    assert few.start == many.start
    assert few.end <= many.end


@given(st.lists(st.floats(0, 300), max_size=40))
def test_the_pace_is_that_of_the_last_visits_and_only_of_believable_ones(lengths: list[float]) -> None:
    visits = [
        (OPENS + timedelta(minutes=index * 400), OPENS + timedelta(minutes=index * 400 + length))
        for index, length in enumerate(lengths)
    ]
    found = visit_minutes(visits)
    believed = [length for length in lengths[-10:] if 1 <= length <= 120]
    if len(believed) >= ENOUGH + 1:
        assert found is not None
    if found is not None:
        assert 1 <= found <= 120
        assert min(believed) - 0.01 <= found <= max(believed) + 0.01


def test_the_plan_counts_until_enough_was_measured() -> None:
    slots = [(OPENS, OPENS + timedelta(minutes=30), 3), (OPENS, OPENS + timedelta(minutes=30), 2)]
    assert planned_headway(slots, 15) == 6
    assert planned_headway([], 15) == 15
    assert headway(None, rooms=3, planned=6) == 6
    assert headway(12, rooms=3, planned=6) == 4
    assert headway(12, rooms=0, planned=6) == 12


@given(
    st.none() | st.integers(0, 600),
    st.lists(st.integers(-60, 200), max_size=6),
    st.lists(st.integers(-60, 200), max_size=6),
)
def test_lateness_is_said_from_a_quarter_of_an_hour_on_in_steps(
    said: int | None, called: list[int], unserved: list[int]
) -> None:
    now = OPENS + timedelta(hours=2)
    late = minutes_late(
        said=said,
        called=[(now - timedelta(minutes=minutes), now) for minutes in called],
        unserved=[now - timedelta(minutes=minutes) for minutes in unserved],
        now=now,
    )
    worst = max([said or 0, *called, *unserved, 0])
    assert late == 0 or late >= WORTH_SAYING
    assert late % 5 == 0
    assert late <= worst
    if max([said or 0, *unserved]) >= WORTH_SAYING:
        assert late > max([said or 0, *unserved]) - 5
