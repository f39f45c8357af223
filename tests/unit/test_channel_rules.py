"""How many texts may go now: the bucket, the hold, the breaker. No database, no clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking.messages.channel.kinds import ChannelState
from booking.messages.channel.rules import (
    Allowance,
    Standing,
    emptied,
    grant,
    state_of,
    tokens,
    usual,
    within,
)

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
QUIET = Standing(LONG_AGO, None, None, None, 0, 0, 0, None)
FAST = Allowance(per_second=200)


@pytest.mark.parametrize("per_second", [1, 2, 5, 10, 200, 1000])
@pytest.mark.parametrize("lane", ["visit", "code"])
def test_no_second_has_more_than_is_allowed(per_second: int, lane: str) -> None:
    """Greedy senders ask every millisecond, for three seconds, after a long rest."""
    allowance, standing = Allowance(per_second=per_second, usual_hour=10**6, per_day=10**6), QUIET
    posts: list[datetime] = []
    for millisecond in range(3000):
        now = NOW + timedelta(milliseconds=millisecond)
        found = grant(now, standing, allowance, lane=lane, wanted=50)
        empty_at = emptied(now, standing.empty_at, allowance, found.posts) if found.posts else standing.empty_at
        standing = replace(standing, empty_at=empty_at)
        posts += [now] * found.posts
    most = max(sum(start <= one < start + timedelta(seconds=1) for one in posts) for start in posts)
    assert most <= max(per_second, 2)  # one a second: the first may be a moment before its second begins
    assert len(posts) >= per_second * 2  # and it is used


def test_control_without_the_bucket_everything_goes_at_once() -> None:
    assert grant(NOW, QUIET, None, lane="visit", wanted=5000).posts == 5000


def test_the_wait_is_as_long_as_it_takes_to_fill() -> None:
    empty = replace(QUIET, empty_at=NOW)
    found = grant(NOW, empty, FAST, lane="visit", wanted=5)
    assert found.posts == 0
    later = NOW + timedelta(seconds=found.wait + 0.001)
    assert grant(later, empty, FAST, lane="visit", wanted=5).posts == 1


def test_codes_have_a_part_of_the_bucket_that_visits_never_take() -> None:
    standing = QUIET
    while (found := grant(NOW, standing, FAST, lane="visit", wanted=100)).posts:
        standing = replace(standing, empty_at=emptied(NOW, standing.empty_at, FAST, found.posts))
    assert tokens(NOW, standing.empty_at, FAST) == pytest.approx(FAST.reserve, abs=0.01)
    assert grant(NOW, standing, FAST, lane="code", wanted=100).posts == FAST.reserve


def test_one_a_second_keeps_nothing_for_codes_and_lets_both_through() -> None:
    slow = Allowance(per_second=1)
    assert slow.reserve == 0
    assert grant(NOW, QUIET, slow, lane="visit", wanted=3).posts == 1


def test_a_refused_configuration_lets_one_text_try_at_a_time() -> None:
    held = replace(QUIET, held_at=LONG_AGO, probe_at=NOW + timedelta(seconds=1))
    assert grant(NOW, held, FAST, lane="visit", wanted=9).posts == 0
    found = grant(NOW + timedelta(seconds=1), held, FAST, lane="code", wanted=9)
    assert (found.posts, found.probe, found.state) == (1, True, ChannelState.HELD)
    resting = replace(held, probe_at=None, rest_until=NOW + timedelta(seconds=9))
    assert grant(NOW, resting, FAST, lane="visit", wanted=9).posts == 0


def test_a_clock_that_was_put_back_stops_nobody() -> None:
    """An hour, or another database server took over whose clock is behind: what was written is an hour ahead."""
    ahead = NOW + timedelta(hours=1, minutes=1)
    standing = replace(QUIET, empty_at=ahead)
    assert grant(NOW, standing, FAST, lane="code", wanted=1).wait < 2
    later = NOW + timedelta(seconds=1.1)
    after = replace(standing, empty_at=emptied(NOW, ahead, FAST, 1))
    assert after.empty_at < NOW + timedelta(seconds=2)
    assert grant(NOW + timedelta(seconds=2), after, FAST, lane="code", wanted=1).posts == 1
    assert grant(later, replace(QUIET, rest_until=ahead), FAST, lane="visit", wanted=1).posts == 1
    assert grant(later, replace(QUIET, held_at=LONG_AGO, probe_at=ahead), FAST, lane="visit", wanted=1).probe


def test_too_many_requests_rest_the_whole_channel() -> None:
    resting = replace(QUIET, rest_until=NOW + timedelta(seconds=30))
    for lane in ("visit", "code"):
        found = grant(NOW, resting, FAST, lane=lane, wanted=1)
        assert (found.posts, found.wait, found.state) == (0, 30.0, ChannelState.RESTING)
    assert grant(NOW + timedelta(seconds=30), resting, FAST, lane="visit", wanted=1).posts == 1


def test_the_budget_stops_visits_exactly_and_codes_never() -> None:
    spent = replace(QUIET, day_posts=FAST.per_day - 3)
    assert grant(NOW, spent, FAST, lane="visit", wanted=10).posts == 3
    spent = replace(QUIET, day_posts=FAST.per_day)
    assert grant(NOW, spent, FAST, lane="visit", wanted=10).state is ChannelState.BUDGET
    assert grant(NOW, spent, FAST, lane="code", wanted=10).posts == 10


def test_the_breaker_stops_at_three_times_the_usual_hour() -> None:
    usual_hour = 2000
    busy = replace(QUIET, hour_usual=usual_hour, hour_posts=3 * usual_hour - 1)
    assert grant(NOW, busy, FAST, lane="visit", wanted=10).posts == 1
    broken = replace(busy, hour_posts=3 * usual_hour)
    stopped = grant(NOW, broken, FAST, lane="visit", wanted=10)
    assert (stopped.state, stopped.only_news) == (ChannelState.BREAKER, True)
    assert grant(NOW, broken, FAST, lane="code", wanted=10).posts == 10
    assert state_of(NOW, broken, None, lane="visit") is ChannelState.OPEN


def test_past_the_breaker_a_fourth_usual_hour_is_for_news_alone() -> None:
    usual_hour = 2000
    broken = replace(QUIET, hour_usual=usual_hour, hour_posts=4 * usual_hour - 1)
    found = grant(NOW, broken, FAST, lane="visit", wanted=10)
    assert (found.posts, found.only_news, found.state) == (1, True, ChannelState.BREAKER)
    assert grant(NOW, replace(broken, hour_posts=4 * usual_hour), FAST, lane="visit", wanted=10).posts == 0
    spent = replace(broken, day_posts=FAST.per_day)
    assert grant(NOW, spent, FAST, lane="visit", wanted=10).posts == 0
    assert not grant(NOW, replace(QUIET, hour_posts=1), FAST, lane="visit", wanted=10).only_news


def test_whoever_answers_for_it_lets_texts_go_on_for_the_day() -> None:
    freed = replace(QUIET, hour_posts=10**6, day_posts=10**6, freed_until=NOW + timedelta(hours=1))
    assert grant(NOW, freed, FAST, lane="visit", wanted=10).posts == 10
    assert grant(NOW + timedelta(hours=1), freed, FAST, lane="visit", wanted=10).posts == 0


@pytest.mark.parametrize(
    ("past", "expected"),
    [([], 1000), ([10, 20], 1000), ([0, 0, 5000, 0], 5000), ([2000, 3000, 90_000], 3000)],
    ids=["a new installation", "a small one", "days without are no usual day", "one wild day changes little"],
)
def test_the_usual_hour_is_the_median_of_days_on_which_texts_went(past: list[int], expected: int) -> None:
    assert usual(past, Allowance(usual_hour=1000)) == expected


@pytest.mark.parametrize(("cap", "posts", "added", "left"), [(20, 5, 5, 5), (20, 22, 5, 3), (20, 40, 5, 0)])
def test_a_cap_lets_through_what_is_within_it(cap: int, posts: int, added: int, left: int) -> None:
    assert within(cap, posts, added) == left
