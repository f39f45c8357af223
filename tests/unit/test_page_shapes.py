"""Pages of one shape have the same faults: what the judge of pages leaves out when it has seen a shape before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.markup import judge
from tests.page_shapes import shape
from tests.unit.test_markup import GOOD

_PARTS = [
    " ", "\n", "x", "", "&", "&amp;", "&nbsp;", "&#38;", "<", ">", '"', "'", "=", "-", "#", "q", "q-hint", "\0", "\r",
    "<p>", "</p>", "<b>", "</b>", "<br>", "<input>", "<script>", "<!--", "-->", "<h2>", "</h2>", " id=q", ' id="q"',
    ' ID="q"', " id='q'", ' id="Q"', ' for="q"', ' href="#q"', ' href="#x"', ' lang=""', ' alt=""', ' style=""',
    ' value="x"', ' value=""', ' title=" "', ' aria-label="x"', ' tabindex="1"', ' class="', "\u00a0", "\ufdd0", "😀",
]  # fmt: skip


def test_what_is_a_page_s_own_is_no_part_of_its_shape() -> None:
    other = GOOD.replace("Đặt lịch khám", "Phiếu &amp; mã").replace('"/x"', '"/y?a=1&amp;b=2"').replace("Tìm", "a b")
    assert other != GOOD
    assert shape(other) == shape(GOOD) is not None


def test_ids_are_told_from_each_other_and_not_by_their_names() -> None:
    assert shape(GOOD.replace("q-hint", "other")) == shape(GOOD)
    assert shape(GOOD.replace("q-hint", "other", 1)) != shape(GOOD)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("Tên", "a < b"), ("Tên", "a > b"), ("Tên", "\0"), ('id="q"', "id=q"), ('id="q"', 'ID="q"'),
        ('id="q"', "id='q'"), ('for="q"', 'for="&#113;"'), ('id="q"', 'id="q  r"'), ('href="#q"', 'href="#q r"'),
    ],
)  # fmt: skip
def test_what_is_unusual_has_no_shape(good: str, bad: str) -> None:
    assert good in GOOD
    assert shape(GOOD.replace(good, bad)) is None


@settings(max_examples=300, deadline=None)
@given(
    changes=some.lists(
        some.tuples(some.integers(0, len(GOOD)), some.integers(0, 12), some.sampled_from(_PARTS)),
        min_size=1,
        max_size=3,
    )
)
def test_a_page_of_the_shape_of_a_good_one_is_good(changes: list[tuple[int, int, str]]) -> None:
    """Whatever is put in, taken out or changed: where the shape does not show it, the judge finds nothing either."""
    page = GOOD
    for place, length, part in changes:
        page = page[:place] + part + page[place + length :]
    if shape(page) == shape(GOOD):
        assert judge(page) == ()
