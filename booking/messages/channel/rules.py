"""How many texts may be posted now. Pure: told what the channel's row says and what time the database has."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from booking.messages.channel.kinds import ChannelState

BREAKER: Final = 3
"""So many times the usual hour, and something is wrong, or somebody must say that it is not."""

NEWS_TOO: Final = 4
"""Up to so many times the usual hour, news that a visit is not as promised still goes (`kinds.NEWS`): what waited in
an outage may have taken the whole hour. A bug that cancels everything is stopped all the same."""

_ROUNDED: Final = 0.0005
"""What a whole post may lack in the bucket, because moments are whole microseconds."""

_AHEAD: Final = timedelta(seconds=1)
_PROBE_AHEAD: Final = timedelta(minutes=10)
_REST_MOST: Final = timedelta(hours=1)
"""How far ahead of now the bucket's moment, the next probe and the end of a rest can lie. What lies further was written
before the database's clock was put back, or by a server before this one: nobody waits for that."""

_FEW: Final = 4
"""Posts per second below which none is kept for codes: it would be half of all."""

CODES: Final = "code"
"""The lane that neither budget nor breaker stops: codes have limits of their own where they are asked for."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an installation lets out.

    Attributes:
        per_second: posts in any second, of all senders together.
        per_day: texts about visits in a local day.
        per_number: likewise to one number.
        per_facility: likewise about one facility's visits.
        usual_hour: what counts as a usual hour at least; a new installation has no past.
    """

    per_second: int = 10
    per_day: int = 20_000
    per_number: int = 20
    per_facility: int = 6_000
    usual_hour: int = 1_000

    @property
    def burst(self) -> int:
        """Posts that may leave at one moment, when none left for a while."""
        return max(1 if self.per_second < _FEW else 2, self.per_second // 10)

    @property
    def rate(self) -> float:
        """Posts per second that the bucket fills with: in any second burst and refill together are `per_second`."""
        return float(self.per_second - self.burst + 1)

    @property
    def reserve(self) -> int:
        """Posts of the burst that are kept for codes: somebody sits and waits for one."""
        return min(self.burst - 1, max(1, self.burst // 4))


@dataclass(frozen=True, slots=True)
class Standing:
    """What the channel's row says; `None` moments are not set. All moments by the database's clock.

    `unsure`: it is held because nobody answers, or texts are lost without a cause, not because we are refused.
    """

    empty_at: datetime
    rest_until: datetime | None
    held_at: datetime | None
    probe_at: datetime | None
    hour_posts: int
    hour_usual: int
    day_posts: int
    freed_until: datetime | None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sender may claim.

    Attributes:
        posts: how many texts, 0 or more.
        wait: seconds after which it is worth asking again.
        state: why there are none; OPEN where there are, or where the bucket is only empty for a moment.
        probe: the one text that tries whether our configuration was repaired.
        only_news: they are for news alone: the breaker holds the rest.
    """

    posts: int
    wait: float = 0.0
    state: ChannelState = ChannelState.OPEN
    probe: bool = False
    only_news: bool = False


def state_of(now: datetime, standing: Standing, allowance: Allowance | None, *, lane: str) -> ChannelState:
    """Whether texts of a lane go now."""
    if standing.held_at is not None and not (standing.unsure and lane == CODES):
        return ChannelState.HELD
    if _rests(now, standing):
        return ChannelState.RESTING
    freed = standing.freed_until is not None and standing.freed_until > now
    if allowance is None or lane == CODES or freed:
        return ChannelState.OPEN
    if standing.day_posts >= allowance.per_day:
        return ChannelState.BUDGET
    if _hour_left(standing, allowance, BREAKER) <= 0:
        return ChannelState.BREAKER
    return ChannelState.OPEN


def grant(now: datetime, standing: Standing, allowance: Allowance | None, *, lane: str, wanted: int) -> Grant:
    """How many of `wanted` texts of a lane may be claimed."""
    state = state_of(now, standing, allowance, lane=lane)
    if state is ChannelState.HELD:
        waits = standing.probe_at is not None and now < standing.probe_at <= now + _PROBE_AHEAD
        return Grant(0, 1.0, state) if waits or _rests(now, standing) else Grant(1, state=state, probe=True)
    if state is ChannelState.RESTING and standing.rest_until is not None:
        return Grant(0, (standing.rest_until - now).total_seconds(), state)
    only_news = state is ChannelState.BREAKER and _hour_left(standing, allowance, NEWS_TOO) > 0
    if state is not ChannelState.OPEN and not only_news:
        return Grant(0, 1.0, state)
    if allowance is None:
        return Grant(wanted)
    kept = 0 if lane == CODES else allowance.reserve
    there = tokens(now, standing.empty_at, allowance) - kept + _ROUNDED
    if there < 1:
        return Grant(0, (1 - there) / allowance.rate, state)
    posts = min(wanted, int(there))
    if lane != CODES and not (standing.freed_until is not None and standing.freed_until > now):
        hour_left = _hour_left(standing, allowance, NEWS_TOO if only_news else BREAKER)
        posts = min(posts, allowance.per_day - standing.day_posts, hour_left)
    return Grant(posts, state=state, only_news=only_news)


def tokens(now: datetime, empty_at: datetime, allowance: Allowance) -> float:
    """Posts in the bucket; below 0 where more were let out than it held."""
    since = now - min(empty_at, now + _AHEAD)
    return min(float(allowance.burst), since.total_seconds() * allowance.rate)


def emptied(now: datetime, empty_at: datetime, allowance: Allowance, posts: int) -> datetime:
    """`empty_at` once so many posts were taken out."""
    full = now - timedelta(seconds=allowance.burst / allowance.rate)
    return max(min(empty_at, now + _AHEAD), full) + timedelta(seconds=posts / allowance.rate)


def usual(past: list[int], allowance: Allowance) -> int:
    """What an hour has had, by the same hour of earlier days: their median, days on which nothing went left out."""
    sent = [posts for posts in past if posts > 0]
    return max(int(median(sent)) if sent else 0, allowance.usual_hour)


def within(cap: int, posts: int, now_added: int) -> int:
    """How many of `now_added` posts are within a cap that `posts`, they included, may have gone over."""
    return min(now_added, max(0, cap - (posts - now_added)))


def in_hour(standing: Standing, posts: int, hour_usual: int) -> Standing:
    """The row in an hour that has had so many posts."""
    return replace(standing, hour_posts=posts, hour_usual=hour_usual)


def on_day(standing: Standing, posts: int) -> Standing:
    """The row on a day that has had so many posts."""
    return replace(standing, day_posts=posts)


def _rests(now: datetime, standing: Standing) -> bool:
    return standing.rest_until is not None and now < standing.rest_until <= now + _REST_MOST


def _hour_left(standing: Standing, allowance: Allowance | None, times: int) -> int:
    usual_hour = max(standing.hour_usual, allowance.usual_hour) if allowance else 0
    return times * usual_hour - standing.hour_posts
