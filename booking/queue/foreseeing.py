"""When a line calls whom, from a board: what standing.py says to one patient and the desk shows of everybody.

Rules over a board, beside estimating.py; no database, no clock.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from booking.queue.estimating import ENOUGH, Band, expected, headway, planned_headway, visit_minutes
from booking.queue.kinds import IN_PROGRESS, TicketState
from booking.queue.rules import Policy, Waiting, order
from booking.queue.views import Board, Held, Line

ROOMS_SEEN: Final = timedelta(minutes=60)
"""A room counts as calling while it called somebody so recently."""

Hours = Sequence[tuple[datetime, datetime]]
"""Start and end of a day's sessions, in their order."""


class Coming:
    """How many are booked for times of the day and may still come; whoever comes after her time stands behind."""

    def __init__(self, coming: Iterable[tuple[datetime, datetime, int]], now: datetime) -> None:
        still = sorted((start, number) for start, end, number in coming if end >= now)
        self._starts = [start for start, _ in still]
        self._upto = [0, *accumulate(number for _, number in still)]

    def between(self, opens: datetime, due: datetime) -> int:
        """Those whose time begins from `opens` and before `due`."""
        first, last = bisect_left(self._starts, opens), bisect_left(self._starts, due)
        return self._upto[last] - self._upto[first] if last > first else 0


def goes_on(opens: datetime, line: Line, beside: Sequence[Held], due: datetime, now: datetime) -> datetime:
    """When the next one will be called: so late after her time as staff said, and not before the session begins."""
    late = said(line, beside)
    if late:
        return max(opens, due) + timedelta(minutes=late)
    started = any(ticket.called_at is not None and ticket.called_at >= opens for ticket in beside)
    return now if started else opens


def said(line: Line, beside: Sequence[Held]) -> int:
    """The minutes of delay that staff said, until enough people were called since to see for oneself."""
    since = [one for one in beside if one.as_waiting.in_time and _called_after(one, line.late_said_at)]
    return (line.late_said or 0) if len(since) < ENOUGH else 0


def minutes_between(board: Board, beside: Sequence[Held], now: datetime) -> float:
    """Minutes between two calls of a line."""
    visits = [
        (one.called_at, one.finished_at)
        for one in beside
        if one.state is TicketState.DONE and one.called_at is not None and one.finished_at is not None
    ]
    busy = sum(one.state in IN_PROGRESS for one in beside)
    recent = {one.room_id for one in beside if one.called_at is not None and now - one.called_at <= ROOMS_SEEN}
    planned = planned_headway(board.slots, board.duration)
    return headway(visit_minutes(visits), rooms=max(busy, len(recent)), planned=planned)


def bands(board: Board, hours: Hours, *, now: datetime, policy: Policy) -> Mapping[int, Band]:
    """When everybody who waits may expect to be called, by the ticket's id."""
    coming = Coming(board.coming, now)
    found: dict[int, Band] = {}
    for line in board.lines.values():
        found |= _of_line(board, hours, line, coming, now, policy)
    return found


def _of_line(board: Board, hours: Hours, line: Line, coming: Coming, now: datetime, policy: Policy) -> dict[int, Band]:
    beside = [ticket for ticket in board.tickets if ticket.line == line.id]
    waiting = {one.as_waiting.id: one.as_waiting for one in beside if one.state is TicketState.WAITING}
    turns = order(waiting.values(), now=now, policy=policy, streak=line.streak)
    if not turns:
        return {}
    minutes = minutes_between(board, beside, now)
    first = waiting[turns[0].id].due
    begins = {opens: goes_on(opens, line, beside, first, now) for opens in {now, *(start for start, _ in hours)}}
    found = {}
    for ahead, turn in enumerate(turns):
        one = waiting[turn.id]
        opens = _session(hours, one, now)
        found[one.id] = expected(
            ahead=ahead, coming=coming.between(opens, one.due), minutes=minutes, now=now, opens=begins[opens],
            own_start=own_start(one),
        )  # fmt: skip
    return found


def own_start(one: Waiting) -> datetime | None:
    """The start of the booked time where it counts; nobody is told to come before it."""
    return one.band_start if one.in_time and one.requeued_at is None else None


def _session(hours: Hours, one: Waiting, now: datetime) -> datetime:
    """When the session begins that sees her: of her booked time, else the one that is on or comes next; else now."""
    start = own_start(one)
    mine = (opens for opens, closes in hours if (closes > now if start is None else opens <= start < closes))
    return next(mine, now)


def _called_after(one: Held, moment: datetime | None) -> bool:
    return moment is not None and one.called_at is not None and one.called_at > moment
