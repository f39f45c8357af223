"""Spans, shares, axes, and what stands out: pure, so values in and values out."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from booking.availability.spans import SpanRefused
from booking.figures.kinds import Oddity, SpanKind
from booking.figures.rules import MOST_DAYS, Reading, at_night, ceiling, is_few, oddities, share, span_of

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("kind", "first"), [("today", TODAY), ("week", date(2026, 11, 17)), ("month", date(2026, 10, 25)), ("?", TODAY)]
)
def test_the_usual_spans_end_today(kind: str, first: date) -> None:
    span = span_of(kind, "2020-01-01", "nonsense", today=TODAY)
    assert (span.first, span.last) == (first, TODAY)


@given(some.dates(date(2001, 1, 1), date(2900, 1, 1)), some.integers(0, MOST_DAYS - 1))
def test_an_own_span_is_what_was_asked_for(first: date, more: int) -> None:
    last = first + timedelta(days=more)
    span = span_of("own", first.isoformat(), last.isoformat(), today=TODAY)
    assert (span.kind, span.first, span.last, span.days) == (SpanKind.OWN, first, last, more + 1)


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", "2026-11-23", "from"),
        ("2026-11-23", "yesterday", "to"),
        ("2026-11-23", "2026-11-22", "to"),
        ("2026-01-01", "2026-04-03", "to"),  # 93 days
        ("0001-01-01", "0001-01-02", "from"),
        ("9999-12-31", "9999-12-31", "from"),
    ],
)
def test_a_span_that_cannot_be_used_names_its_field(first: str, last: str, field: str) -> None:
    with pytest.raises(SpanRefused) as refused:
        span_of("own", first, last, today=TODAY)
    assert refused.value.facts["field"] == field


@given(some.integers(0, 10_000), some.integers(0, 10_000))
def test_a_share_is_per_cent_and_nothing_of_nothing(part: int, more: int) -> None:
    found = share(part, part + more)
    if part + more == 0:
        assert found is None
    else:
        assert found is not None
        assert 0 <= found <= 100
        other = share(more, part + more)
        assert other is not None
        assert found + other == pytest.approx(100, abs=0.11)


def test_few_are_said_to_be_few_and_nobody_is_not_few() -> None:
    assert [is_few(number) for number in (0, 1, 19, 20)] == [False, True, True, False]


@given(some.lists(some.floats(0, 1e6), max_size=20))
def test_an_axis_ends_at_a_round_number_above_everything_and_not_far_above(values: list[float]) -> None:
    end = ceiling(values)
    assert end >= max(values, default=0)
    assert end <= 2.5 * max([*values, 5])
    assert str(end).rstrip("0") in {"1", "2", "5"}


ORDINARY = Reading(people=40, strangers=2, at_night=0, usual=35)


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (ORDINARY, ()),
        (Reading(40, 5, 0, 35), (Oddity.NO_VISIT,)),
        (Reading(140, 0, 0, 35), (Oddity.MANY,)),
        (Reading(139, 0, 0, 35), ()),
        (Reading(59, 0, 0, 3), ()),  # four times little is little
        (Reading(500, 0, 0, None), ()),  # nobody to compare with
        (Reading(1, 0, 1, 35), (Oddity.NIGHT,)),
        (Reading(200, 9, 3, 10), (Oddity.NO_VISIT, Oddity.MANY, Oddity.NIGHT)),
    ],
)
def test_what_stands_out(reading: Reading, why: tuple[Oddity, ...]) -> None:
    assert oddities(reading) == why


def test_the_night() -> None:
    assert [hour for hour in range(24) if at_night(hour)] == [0, 1, 2, 3, 4, 22, 23]
