"""However a hospital's changes are split into files, in any legal order and with repeats, the end is the same."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random  # noqa: TID251 (hypothesis gives the seed)

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from booking.db import Database
from booking.exchange.kinds import AbsenceMeaning, VerdictKind
from booking.exchange.rules import StagedRow
from tests.feeds import DAY, Hospital, hospital_database, moment, row, two_days
from tests.postgres import Cluster

FULL = bool(os.environ.get("HENKHAM_TESTS_FULL"))
SOME = settings(
    max_examples=200 if FULL else 12, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
feeds = count(1)
GRID = [moment("07:30") + timedelta(minutes=30 * each) for each in range(8)]
GRID += [moment("13:30") + timedelta(minutes=30 * each) for each in range(6)]
"""Doctor Châu's times on the first day, half an hour each."""


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one row: it has now these times and this state; without a time it is gone."""

    key: str
    start: int | None
    minutes: int
    closes: bool

    def row(self) -> StagedRow:
        """As an export has it; a row that is gone shows up as one that releases."""
        begin = moment("07:00") + timedelta(minutes=15 * (self.start or 0))
        here, until = (
            f"{each + timedelta(hours=7):%H:%M}" for each in (begin, begin + timedelta(minutes=self.minutes))
        )
        return row(self.key, here, until, closes=self.closes and self.start is not None)


changes = st.lists(
    st.builds(
        Change,
        key=st.sampled_from("abcde"),
        start=st.one_of(st.none(), st.integers(0, 38)),
        minutes=st.sampled_from([15, 30, 45, 90]),
        closes=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def truth(state: Mapping[str, Change]) -> list[str]:
    """The times that the last state of each row takes, by brute force."""
    taken = [each.row() for each in state.values() if each.start is not None and each.closes]
    half = timedelta(minutes=30)
    closed = [
        start
        for start in GRID
        if any(one.starts_at < start + half and (one.ends_at or one.starts_at) > start for one in taken)
    ]
    return sorted(f"{start + timedelta(hours=7):%H:%M}" for start in closed)


def split(random: Random, story: Sequence[Change]) -> list[list[Change]]:
    """Files of a change feed: those of one row stay in their order, others may pass each other; some come twice."""
    files: list[list[Change]] = [[] for _ in range(random.randrange(1, 6))]
    reached: dict[str, int] = {}
    for change in story:
        place = random.randrange(reached.get(change.key, 0), len(files))
        reached[change.key] = place
        files[place] = [one for one in files[place] if one.key != change.key] + [change]
    for file in files:
        random.shuffle(file)
    return [file for file in files if file]


async def _applied(
    db: Database, meaning: AbsenceMeaning, files: Sequence[Sequence[StagedRow]], random: Random
) -> Hospital:
    """Hand files in, each once or a few times."""
    hospital = Hospital(db, f"x{next(feeds)}", meaning, DAY)
    for number, rows in enumerate(files):
        for turn in range(random.choice([1, 1, 2, 3])):
            done = await hospital.apply(*rows, content=f"{hospital.code} {number}")
            assert done.again == (turn > 0)
            assert done.again or done.verdict.kind is VerdictKind.APPLY
    return hospital


async def _end(
    url: str, meaning: AbsenceMeaning, stories: Sequence[Sequence[Sequence[StagedRow]]], seed: int
) -> list[list[str]]:
    db = Database(url, pool=1)
    try:
        done = [await _applied(db, meaning, files, Random(f"{seed} {number}")) for number, files in enumerate(stories)]
        return [await hospital.closed() for hospital in done]
    finally:
        await db.close()


@SOME
@given(story=changes, seed=st.integers(0, 2**32))
def test_any_split_of_a_change_feed_ends_in_the_same_state(database_url: str, story: list[Change], seed: int) -> None:
    last = {change.key: change for change in story}
    splits = [split(Random(f"{seed} {number}"), story) for number in range(2)]
    stories = [[[one.row() for one in file] for file in files] for files in splits]
    ends = asyncio.run(_end(database_url, AbsenceMeaning.BUSY_LIST, stories, seed))
    assert ends == [truth(last)] * 2


@SOME
@given(story=changes, seed=st.integers(0, 2**32))
def test_any_choice_of_snapshots_ends_in_the_same_state(database_url: str, story: list[Change], seed: int) -> None:
    """A full snapshot is what there is after some of the changes; the last one after all of them."""
    random = Random(seed)
    snapshots: list[dict[str, Change]] = [{}]
    for change in story:
        snapshots.append(snapshots[-1] | {change.key: change})
    stories = []
    for _ in range(2):
        chosen = sorted(random.sample(range(1, len(story)), random.randrange(len(story)))) if len(story) > 1 else []
        files = [[one for one in snapshots[place].values() if one.start is not None] for place in (*chosen, len(story))]
        for file in files:
            random.shuffle(file)
        stories.append([[row("0", "16:00", closes=False), *(one.row() for one in file)] for file in files])
    ends = asyncio.run(_end(database_url, AbsenceMeaning.FULL_SNAPSHOT, stories, seed))
    assert ends == [truth(snapshots[-1])] * 2


@SOME
@given(before=changes, free=st.sets(st.integers(0, 13)), seed=st.integers(0, 2**32))
def test_of_free_lists_the_last_alone_decides(
    database_url: str, before: list[Change], free: set[int], seed: int
) -> None:
    here = [f"{start + timedelta(hours=7):%H:%M}" for start in GRID]
    last = [row(f"free {each}", here[each], _after(GRID[each]), closes=False, offers=True) for each in sorted(free)]
    said = [row("0", "17:00", "17:15", closes=False, offers=True), *last]
    stories = [[[one.row() for one in before if one.start], said], [said]]
    stories = [[file for file in files if file] for files in stories]
    ends = asyncio.run(_end(database_url, AbsenceMeaning.FREE_LIST, stories, seed))
    assert ends == [sorted(each for place, each in enumerate(here) if place not in free)] * 2


def _after(start: datetime) -> str:
    return f"{start + timedelta(hours=7, minutes=30):%H:%M}"


def test_negative_control_in_the_wrong_order_the_end_is_another(database_url: str) -> None:
    first, second = Change("a", 2, 30, closes=True), Change("a", 6, 30, closes=True)
    stories = [[[first.row()], [second.row()]], [[second.row()], [first.row()]]]
    right, wrong = asyncio.run(_end(database_url, AbsenceMeaning.BUSY_LIST, stories, 0))
    assert (right, wrong) == (["08:30"], ["07:30"])
