"""What a day's calls say of its rule: how long each kind of people waited, and whether anybody was left behind.

Beside simulating.py. It is told people and calls and knows nothing of rules.py, so that it can find the rule wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Final

from booking.queue.simulating import Called, Coming, Day

_PERCENT_90: Final = 8


@dataclass(frozen=True, slots=True)
class Waits:
    """Minutes waited by one kind of people: from arrival to the first call, and from when they were due."""

    group: str
    people: int
    median: float
    p90: float
    longest: float
    median_due: float
    longest_due: float


def waits(day: Day, calls: Sequence[Called]) -> list[Waits]:
    """One row a kind of people, and one for all who stood in line."""
    first: dict[int, Called] = {}
    for each in calls:
        first.setdefault(each.id, each)
    groups: dict[str, list[tuple[float, float]]] = {}
    for one in day.people:
        if one.id not in first:
            continue
        call = first[one.id]
        waited = _minutes(call.at - one.arrives), _minutes(call.at - call.due)
        for group in (one.group, *(() if one.emergency else ("all in line",))):
            groups.setdefault(group, []).append(waited)
    return [_row(group, groups[group]) for group in sorted(groups, key=_rank)]


def _rank(group: str) -> tuple[int, str]:
    firsts = ("emergency", "priority", "booked", "walk-in", "all")
    return next(at for at, name in enumerate(firsts) if group.startswith(name)), group


def _row(group: str, waited: Sequence[tuple[float, float]]) -> Waits:
    here, due = [one[0] for one in waited], [one[1] for one in waited]
    p90 = quantiles(here, n=10)[_PERCENT_90] if len(here) > 1 else here[0]
    return Waits(group, len(here), median(here), p90, max(here), median(due), max(due))


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that must not be. `people` are the ids it happened to."""

    what: str
    people: tuple[int, ...]


def wrongs(day: Day, calls: Sequence[Called], *, ageing: timedelta, ratio: int) -> list[Wrong]:
    """What is wrong with a day; nothing where nobody starved.

    Args:
        day: the plan.
        calls: in their order.
        ageing: nobody may be passed by one who was due so much later.
        ratio: so many of priority may be called in a row while one of the others is due.
    """
    by_id = {one.id: one for one in day.people}
    stays = list(_stays(day, [call for call in calls if not call.emergency]))
    found = {
        "never_called": {one.id for one in day.people} - {call.id for call in calls},
        "passed_by_later": set(_passed(stays, ageing)),
        "priority_in_a_row": set(_in_a_row(by_id, stays, ratio)),
        "early_before_due": set(_early(stays)),
    }
    return [Wrong(what, tuple(sorted(people))) for what, people in found.items() if people]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A stay in the line: from `since`, due from `due`, until called at `until`, as number `turn` of all calls."""

    id: int
    since: datetime
    due: datetime
    until: datetime
    turn: int


def _stays(day: Day, calls: Sequence[Called]) -> Iterable[_Stay]:
    """One a call. Who was put back stands in line again from then; who was away for tests, since she is back."""
    people = {one.id: one for one in day.people}
    before: dict[int, Called] = {}
    for turn, call in enumerate(calls):
        one, last = people[call.id], before.get(call.id)
        if last is None:
            since = one.arrives
        elif call.due > last.at:
            since = call.due  # put back at that moment
        else:
            since = last.at + timedelta(minutes=one.minutes + (one.tests or 0))
        before[call.id] = call
        yield _Stay(call.id, since, call.due, call.at, turn)


def _passed(stays: Sequence[_Stay], ageing: timedelta) -> Iterable[int]:
    """Those past whom one was called who was due so much later, while they were there."""
    for one in stays:
        for other in stays[: one.turn]:
            if other.until > one.since and one.due + ageing < other.due:
                yield one.id
                break


def _in_a_row(people: dict[int, Coming], stays: Sequence[_Stay], ratio: int) -> Iterable[int]:
    """Those of the others who were due while more of priority were called in a row than may be."""
    row = 0
    for stay in stays:
        if people[stay.id].priority is None:
            row = 0
            continue
        row += 1
        if row > ratio:
            yield from (
                one.id
                for one in stays[stay.turn + 1 :]
                if people[one.id].priority is None and max(one.since, one.due) < stay.until
            )


def _early(stays: Sequence[_Stay]) -> Iterable[int]:
    """Those who were called before their own time while somebody was due."""
    for stay in stays:
        if stay.due > stay.until and any(max(one.since, one.due) < stay.until for one in stays[stay.turn + 1 :]):
            yield stay.id
