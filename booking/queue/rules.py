"""Who is next, and which step a ticket may take. Pure: plain values in, a value out or a refusal raised.

Everybody has a moment from which she is *due*: a booked patient who came by the end of her time is due from its start,
so coming early gains nothing and coming within it loses nothing; whoever came without booking or after the booked time
is due from arrival; whoever was put back, from then. Those who are due come first, by that moment, those of priority
and the others interleaved. Those who are early follow, by their booked times: nobody waits idly for them, and they pass
nobody who is due.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking.patients.kinds import PriorityClass
from booking.queue.errors import ActOvertaken, AnotherDay, StillExpected, TicketMoved, UndoTooLate
from booking.queue.kinds import IN_PROGRESS, TicketState, WhyNext

_ALPHABET: Final = 26


@dataclass(frozen=True, slots=True)
class Policy:
    """What the law leaves to the facility.

    Attributes:
        ratio: so many of priority, then one of the others.
        ageing: whoever waits so much longer than one of priority goes first.
    """

    ratio: int = 2
    ageing: timedelta = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One who waits. `priority` is a verified class; a claimed one counts for nothing."""

    id: int
    number: int
    arrived_at: datetime
    band_start: datetime | None = None
    band_end: datetime | None = None
    requeued_at: datetime | None = None
    priority: PriorityClass | None = None
    tested_at: datetime | None = None

    @property
    def in_time(self) -> bool:
        """Whether she booked and came by the end of the booked time."""
        return self.band_end is not None and self.arrived_at <= self.band_end

    @property
    def due(self) -> datetime:
        """The moment she is ordered by."""
        if self.requeued_at is not None:
            return self.requeued_at
        return self.band_start if self.in_time and self.band_start is not None else self.arrived_at


_FACT_OF: Final[Mapping[WhyNext, str]] = {
    WhyNext.PRIORITY: "priority",
    WhyNext.IN_BETWEEN: "ratio",
    WhyNext.WAITED_LONG: "minutes",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the line, and why it is this one's: a code, and what its sentence is filled with."""

    id: int
    why: WhyNext
    fact: object

    @property
    def facts(self) -> Mapping[str, object]:
        """By name: priority, ratio, minutes, or the moment since when (`since`)."""
        return {_FACT_OF.get(self.why, "since"): self.fact}


def _place(one: Waiting) -> tuple[datetime, datetime, int, int]:
    return one.due, one.arrived_at, one.number, one.id


def order(waiting: Iterable[Waiting], *, now: datetime, policy: Policy, streak: int) -> list[Turn]:
    """Everybody who waits, in the order of their turns.

    Args:
        waiting: in any order; the answer does not depend on it.
        now: decides who is due.
        policy: how priority and others are interleaved.
        streak: how many of priority were called since the last of the others.
    """
    line = sorted(waiting, key=_place)
    due = [one for one in line if one.due <= now]
    early = [Turn(one.id, WhyNext.EARLY, one.due) for one in line if one.due > now]
    return [*_interleaved(due, policy, streak), *early]


def _interleaved(due: Sequence[Waiting], policy: Policy, streak: int) -> list[Turn]:
    first = [one for one in due if one.priority is not None]
    others = [one for one in due if one.priority is None]
    turns: list[Turn] = []
    i = j = 0
    while i < len(first) or j < len(others):
        why = _between(first[i] if i < len(first) else None, others[j] if j < len(others) else None, policy, streak)
        if why is WhyNext.PRIORITY:
            turns.append(Turn(first[i].id, why, first[i].priority))
            i, streak = i + 1, streak + 1
            continue
        turns.append(_other_turn(others[j], why, policy))
        j, streak = j + 1, 0
    return turns


def _between(first: Waiting | None, other: Waiting | None, policy: Policy, streak: int) -> WhyNext | None:
    """Why the next turn is whose; None for one of the others for no other reason than her own."""
    if other is None:
        return WhyNext.PRIORITY
    if first is None:
        return None
    if other.due + policy.ageing <= first.due:
        return WhyNext.WAITED_LONG
    return WhyNext.PRIORITY if streak < policy.ratio else WhyNext.IN_BETWEEN


def _other_turn(one: Waiting, why: WhyNext | None, policy: Policy) -> Turn:
    if why is WhyNext.WAITED_LONG:
        return Turn(one.id, why, int(policy.ageing.total_seconds() // 60))
    if why is WhyNext.IN_BETWEEN:
        return Turn(one.id, why, policy.ratio)
    if one.requeued_at is not None:
        return Turn(one.id, WhyNext.FROM_TESTS if one.tested_at else WhyNext.PUT_BACK, one.due)
    return Turn(one.id, WhyNext.BOOKED if one.in_time else WhyNext.ARRIVED, one.due)


def streak_after(streak: int, called: Waiting) -> int:
    """How many of priority were called since the last of the others, once this one is called."""
    return streak + 1 if called.priority is not None else 0


_STEPS: Final[Mapping[str, tuple[TicketState, ...]]] = {
    "recall": (TicketState.CALLED,),
    "enter": (TicketState.CALLED,),
    "finish": (*IN_PROGRESS, TicketState.AT_TESTS),
    "skip": (TicketState.CALLED,),
    "put_back": (TicketState.SKIPPED, TicketState.LEFT, *IN_PROGRESS),
    "transfer": (TicketState.WAITING, TicketState.SKIPPED, TicketState.AT_TESTS, *IN_PROGRESS),
    "to_tests": IN_PROGRESS,
    "from_tests": (TicketState.AT_TESTS,),
    "leave": (TicketState.WAITING, TicketState.SKIPPED, TicketState.AT_TESTS, TicketState.CALLED),
    "verify": (TicketState.WAITING, TicketState.SKIPPED),
}
"""From which states a step may be taken."""


_OUTSIDE: Final = frozenset({"recall", "enter", "finish", "leave"})
"""What an emergency may take: it stands in no line, so nothing puts it into one."""


def check_step(step: str, state: TicketState, *, emergency: bool = False) -> None:
    """Whether a ticket in that state may take the step.

    Raises:
        TicketMoved: with the state, which somebody else may have changed a moment ago.
    """
    if state not in _STEPS[step] or (emergency and step not in _OUTSIDE):
        raise TicketMoved(state=state.value)


def check_day(day: object, today: object) -> None:
    """One checks in on the day of the visit, and a number stays in the lines of its day.

    Raises:
        AnotherDay: with the day.
    """
    if day != today:
        raise AnotherDay(day=str(day))


MOST_LATE: Final = 600
"""Minutes; more is another day."""

UNDO_FOR: Final = timedelta(minutes=5)
"""So long anything can be undone."""

EMERGENCIES: Final = "CC"
"""The series of emergencies (cấp cứu). A facility has never so many services that one of them has these letters."""


def check_undo(*, at: datetime, undone: bool, untouched: bool, now: datetime) -> None:
    """Whether an act can be undone.

    Args:
        at: when it was done.
        undone: somebody undid it already.
        untouched: nothing else was done with the same since.
        now: the moment of the wish.

    Raises:
        UndoTooLate: more than five minutes have passed.
        ActOvertaken: somebody acted since, or undid it already.
    """
    if now - at > UNDO_FOR:
        raise UndoTooLate
    if undone or not untouched:
        raise ActOvertaken


def check_missed(ends_at: datetime, now: datetime) -> None:
    """One has not missed a visit before its time is over.

    Raises:
        StillExpected: with the end of the booked time.
    """
    if now < ends_at:
        raise StillExpected(until=ends_at.isoformat())


def series_of(rank: int) -> str:
    """The letters of a facility's services in the order they were made: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    rank += 1
    while rank:
        rank, left = divmod(rank - 1, _ALPHABET)
        letters = chr(ord("A") + left) + letters
    return letters


def label(series: str, number: int) -> str:
    """The number as it is printed and called: A007."""
    return f"{series}{number:03d}"


def masked(name: str) -> str:
    """A name as a waiting room may read it: `Nguyễn T. M.`; a single word is its first letter."""
    first, *rest = name.split() or [""]
    if not rest:
        return f"{first[:1]}." if first else ""
    return " ".join([first, *(f"{word[:1].upper()}." for word in rest)])
