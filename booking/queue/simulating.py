"""A day that never was, by the rule that real days go by: who comes when, what happens, who waited how long.

The day is a plan (`plan`: repeatable by its seed) and its course (`course`): a generator of steps that is told who was
called. Who answers it decides by what the day goes: `by_rule` asks rules.py alone; a test answers with the real verbs
on a database and finds the same day. `judged` then looks at the calls as they were and knows nothing of the rule.
"""

import heapq
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from typing import Final

from booking.clock import at_local
from booking.patients.kinds import PriorityClass
from booking.queue.rules import Policy, Waiting, order, streak_after

DAY: Final = date(2026, 11, 30)
SPANS: Final = ((time(7), time(11, 30)), (time(13, 30), time(17)))
SLOT: Final = timedelta(minutes=10)
BOOKED: Final = 0.6
SHARES: Final[Mapping[str, float]] = {
    "missing": 0.08, "late": 0.12, "emergency": 0.04, "priority": 0.3, "tests": 0.15, "deaf": 0.04,
}  # fmt: skip
"""Of those who are booked: who never come, or late; of the others: emergencies; of all: who has priority, is sent for
tests, does not hear the first call. Guesses, to be replaced by what a facility counts."""

_AHEAD: Final = timedelta(minutes=60)  # so long before the doors open the first walk-ins stand there
_GIVEN_UP: Final = timedelta(minutes=2)  # until a call that nobody answers is given up
_AWAY: Final = timedelta(minutes=10)  # until she is back who did not hear it


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody of the day. `slot` counts the day's times from 0; None for a walk-in. `tests`: so long she is away."""

    id: int
    arrives: datetime
    minutes: int
    slot: int | None = None
    band: tuple[datetime, datetime] | None = None
    priority: PriorityClass | None = None
    emergency: bool = False
    tests: int | None = None
    deaf: bool = False

    @property
    def group(self) -> str:
        """What she is counted among."""
        if self.emergency:
            return "emergency"
        if self.priority is not None:
            return f"priority: {self.priority.value}"
        if self.band is None:
            return "walk-in"
        return "booked" if self.arrives <= self.band[1] else "booked, came late"


@dataclass(frozen=True, slots=True)
class Day:
    """The plan. `slots` are start and end of the day's times; before `opens` and between spans nobody is called."""

    people: tuple[Coming, ...]
    slots: tuple[tuple[datetime, datetime], ...]
    spans: tuple[tuple[datetime, datetime], ...]
    rooms: int


def plan(*, patients: int, rooms: int, seed: int, day: date = DAY, slot: timedelta = SLOT) -> Day:
    """Who comes on a day: three fifths booked, of whom some late and some never; walk-ins, most of them early.

    Args:
        patients: all who are expected.
        rooms: rooms that call from one line; as many places has each time.
        seed: the same one makes the same day.
        day: the local day.
        slot: the length of a time.
    """
    spans = tuple((at_local(day, start), at_local(day, end)) for start, end in SPANS)
    slots = tuple((at, at + slot) for start, end in spans for at in _steps(start, end, slot))
    booked = min(round(patients * BOOKED), len(slots) * rooms)
    people = [
        *(_booked(seed, number, slots, number * len(slots) // booked) for number in range(booked)),
        *(_walk_in(seed, number, spans) for number in range(booked, patients)),
    ]
    there = [one for one in people if one.band is None or not _happens_to(seed, one.id, "missing")]
    return Day(tuple(there), slots, spans, rooms)


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while start + step <= end:
        yield start
        start += step


def _chance(*about: object) -> float:
    """A number from 0 to below 1, the same for the same words: no randomness, so that a day can be had again."""
    mixed = blake2b("/".join(map(str, about)).encode(), digest_size=6).digest()
    return int.from_bytes(mixed, "big") / 2**48


def _happens_to(seed: int, number: int, what: str) -> bool:
    return _chance(seed, number, what) < SHARES[what]


def _person(seed: int, number: int, arrives: datetime) -> Coming:
    bell = sum(_chance(seed, number, "minutes", part) for part in range(3)) / 3  # most near the middle
    away = 20 + int(40 * _chance(seed, number, "away")) if _happens_to(seed, number, "tests") else None
    classes = tuple(PriorityClass)
    chosen = classes[int(_chance(seed, number, "class") * len(classes))]
    return Coming(
        id=number, arrives=arrives, minutes=3 + int(9 * bell + 3 * _chance(seed, number, "long")), tests=away,
        priority=chosen if _happens_to(seed, number, "priority") else None,
        deaf=_happens_to(seed, number, "deaf"),
    )  # fmt: skip


def _booked(seed: int, number: int, slots: Sequence[tuple[datetime, datetime]], slot: int) -> Coming:
    start, end = slots[slot]
    late = _happens_to(seed, number, "late")
    minutes = 5 + 60 * _chance(seed, number, "how late") if late else -30 + 35 * _chance(seed, number, "early")
    arrives = (end if late else start) + timedelta(seconds=int(minutes * 60))
    return replace(_person(seed, number, arrives), slot=slot, band=(start, end))


def _walk_in(seed: int, number: int, spans: Sequence[tuple[datetime, datetime]]) -> Coming:
    first, last = spans[0][0] - _AHEAD, spans[-1][1] - 2 * _AHEAD
    share = _chance(seed, number, "comes") ** 2  # half of them in the first quarter of the day
    one = _person(seed, number, first + timedelta(seconds=int(share * (last - first).total_seconds())))
    if not _happens_to(seed, number, "emergency"):
        return one
    return replace(one, emergency=True, priority=None, tests=None, deaf=False, arrives=max(one.arrives, spans[0][0]))


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next. `what` is a verb of the queue; "call" is answered with who was called."""

    what: str
    at: datetime
    who: Coming | None = None
    room: int | None = None


Course = Generator[Step, int | None]


@dataclass(slots=True)
class _Course:
    day: Day
    events: list[tuple[datetime, int, str, int, int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    urgent: list[Coming] = field(default_factory=list)
    people: dict[int, Coming] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    tested: set[int] = field(default_factory=set)
    waiting: int = 0
    count: int = 0

    def plan(self, at: datetime, what: str, who: int, room: int = -1) -> None:
        self.count += 1
        heapq.heappush(self.events, (at, self.count, what, who, room))


def course(day: Day) -> Course:
    """The steps of a day in their order, until nobody is left."""
    state = _Course(day, free=list(range(1, day.rooms + 1)), people={one.id: one for one in day.people})
    for start, _ in day.spans:
        state.plan(start, "open", -1)
    for one in sorted(day.people, key=lambda one: (one.arrives, one.id)):
        state.plan(one.arrives, "arrive", one.id)
    while state.events:
        at, _, what, who, room = heapq.heappop(state.events)
        if who >= 0:
            yield from _happens(state, what, at, state.people[who], room)
        yield from _calls(state, at)


def _happens(state: _Course, what: str, at: datetime, one: Coming, room: int) -> Course:
    if what == "arrive" and one.emergency:
        state.urgent.append(one)
        return
    if what == "arrive":
        yield Step("walk_in" if one.band is None else "check_in", at, one)
        if one.priority is not None:
            yield Step("verify", at, one)
    else:
        yield Step(what, at, one, room)
    if what in ("arrive", "put_back", "from_tests"):
        state.waiting += 1
    else:
        heapq.heappush(state.free, room)
    if what == "skip":
        state.plan(at + _AWAY, "put_back", one.id)
    elif what == "to_tests":
        state.plan(at + timedelta(minutes=one.tests or 0), "from_tests", one.id)


def _calls(state: _Course, at: datetime) -> Course:
    """Every free room calls: emergencies first, at any hour; the line only while it is open."""
    last = state.day.spans[-1][0]  # the second half of the day goes on until everybody was seen
    at_work = at >= last or any(start <= at < end for start, end in state.day.spans)
    while state.free and (state.urgent or (at_work and state.waiting)):
        room = heapq.heappop(state.free)
        if state.urgent:
            one = state.urgent.pop(0)
            yield Step("emergency", at, one, room)
        else:
            called = yield Step("call", at, None, room)
            assert called is not None, "somebody waits, and nobody was called"
            state.waiting -= 1
            one = state.people[called]
        _goes_in(state, at, one, room)


def _goes_in(state: _Course, at: datetime, one: Coming, room: int) -> None:
    if one.deaf and one.id not in state.missed:
        state.missed.add(one.id)
        state.plan(at + _GIVEN_UP, "skip", one.id, room)
    elif one.tests is not None and one.id not in state.tested:
        state.tested.add(one.id)
        state.plan(at + timedelta(minutes=one.minutes), "to_tests", one.id, room)
    else:
        state.plan(at + timedelta(minutes=one.minutes), "finish", one.id, room)


@dataclass(frozen=True, slots=True)
class Called:
    """A call: who, when, in which room, and the moment she was due from."""

    id: int
    at: datetime
    room: int
    due: datetime
    emergency: bool = False


def by_rule(day: Day, policy: Policy) -> list[Called]:
    """The day as the rule has it."""
    steps, calls = course(day), list[Called]()
    line: dict[int, Waiting] = {}
    aside: dict[int, Waiting] = {}
    streak, numbers, answer = 0, 0, None
    while (step := _next(steps, answer)) is not None:
        answer, who = None, step.who
        if step.what == "call":
            turn = order(line.values(), now=step.at, policy=policy, streak=streak)[0]
            one = aside[turn.id] = line.pop(turn.id)
            streak, answer = streak_after(streak, one), one.id
            calls.append(Called(one.id, step.at, step.room or 0, one.due))
        elif who is None:
            continue
        elif step.what == "emergency":
            calls.append(Called(who.id, step.at, step.room or 0, who.arrives, emergency=True))
        elif step.what in ("walk_in", "check_in"):
            numbers += 1
            start, end = who.band or (None, None)
            line[who.id] = Waiting(who.id, numbers, step.at, start, end)
        elif step.what == "verify":
            line[who.id] = replace(line[who.id], priority=who.priority)
        elif step.what == "put_back":
            line[who.id] = replace(aside[who.id], requeued_at=step.at)
        elif step.what == "from_tests":
            before = next(call.at for call in reversed(calls) if call.id == who.id)
            line[who.id] = replace(aside[who.id], requeued_at=before, tested_at=step.at)
    return calls


def _next(steps: Course, answer: int | None) -> Step | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None
