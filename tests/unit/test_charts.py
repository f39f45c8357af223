"""Charts stay in their frame, tell the truth about proportions, and always have the line of their target."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from booking.figures.rules import ceiling
from booking.web.charts import HEIGHT, LEFT, NARROW, TOP, columns, waits

PARTS = some.lists(some.tuples(*[some.integers(0, 500)] * 4), min_size=1, max_size=92)


@given(PARTS)
def test_columns_stay_inside_and_are_as_high_as_their_sums(parts: list[tuple[int, ...]]) -> None:
    most = ceiling([sum(part) for part in parts])
    chart = columns([(str(number), part) for number, part in enumerate(parts)], most=most)
    assert len(chart.columns) == len(parts)
    for column, part in zip(chart.columns, parts, strict=True):
        assert LEFT <= column.x <= chart.width
        assert TOP - 0.2 <= column.top <= chart.base
        height = chart.base - column.top
        assert height == pytest.approx((HEIGHT - TOP - 22) * sum(part) / most, abs=0.2)
        assert sum(bar.height for bar in column.bars) == pytest.approx(height, abs=0.3)
        assert [bar.series for bar in column.bars] == [number for number, value in enumerate(part) if value]


@pytest.mark.parametrize(("number", "labels", "width"), [(7, 7, NARROW), (12, 12, NARROW), (92, 31, 1338)])
def test_labels_are_left_out_where_there_is_no_room(number: int, labels: int, width: float) -> None:
    chart = columns([(str(each), (1, 0, 0, 0)) for each in range(number)], most=5)
    assert sum(1 for column in chart.columns if column.label) == labels
    assert chart.width == width


@given(some.lists(some.none() | some.floats(0, 1500), max_size=40))
def test_the_target_always_has_its_line_and_nothing_is_above_the_frame(highs: list[float | None]) -> None:
    chart = waits([(str(n), None if high is None else high / 2, high) for n, high in enumerate(highs)], least=180)
    assert 120 in {tick.value for tick in chart.ticks}
    assert len(chart.points) == sum(high is not None for high in highs)  # a gap is a gap, not a zero
    assert len(chart.labels) == len(highs)
    for point in chart.points:
        assert TOP - 0.2 <= point.high <= point.middle <= chart.base


def test_the_target_lies_where_its_minutes_are() -> None:
    chart = waits([("7", 60.0, 120.0)], least=180)
    line = next(tick.y for tick in chart.ticks if tick.value == 120)
    assert (chart.points[0].high, chart.points[0].middle) == (line, next(t.y for t in chart.ticks if t.value == 60))
