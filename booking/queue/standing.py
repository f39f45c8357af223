"""Where one visit stands on its day: rules over a board, beside rules.py and estimating.py; no database, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from booking.appointments.kinds import AppointmentState
from booking.queue.estimating import Band, expected, minutes_late
from booking.queue.foreseeing import Coming, goes_on, minutes_between, own_start, said
from booking.queue.kinds import TicketState
from booking.queue.rules import Policy, Turn, order
from booking.queue.views import Board, Held, Line, Visit


class Stage(StrEnum):
    """What a patient's page says."""

    ANOTHER_DAY = "another_day"
    BEFORE = "before"  # today, before the session begins
    EXPECTED = "expected"  # the session is on, and she has not checked in
    OVERDUE = "overdue"  # the booked time has passed, the session is still on
    WAITING = "waiting"
    CALLED = "called"
    IN_ROOM = "in_room"
    AT_TESTS = "at_tests"
    SKIPPED = "skipped"
    DONE = "done"
    LEFT = "left"
    OVER = "over"  # the day's session has ended without her, or she is marked as not having come
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one stands, and what that is judged from.

    Attributes:
        stage: which of the page's texts.
        number: as printed; None before check-in.
        ahead: people who will be called first; with `stage` waiting only.
        band: when one may expect to be called; with `stage` waiting only.
        room: where one was called to.
        late: minutes the session runs late, 0 where not worth saying.
        waiting: people who wait in the line one stands in, or would.
        turn: why one's turn comes where it comes; with `stage` waiting only.
        at: the moment all this was judged.
    """

    stage: Stage
    at: datetime
    number: str | None = None
    ahead: int | None = None
    band: Band | None = None
    room: str | None = None
    late: int = 0
    waiting: int = 0
    turn: Turn | None = None


_OF_STATE: Final = {
    TicketState.CALLED: Stage.CALLED,
    TicketState.IN_ROOM: Stage.IN_ROOM,
    TicketState.AT_TESTS: Stage.AT_TESTS,
    TicketState.SKIPPED: Stage.SKIPPED,
    TicketState.DONE: Stage.DONE,
    TicketState.LEFT: Stage.LEFT,
}


class _Beside:
    """What everybody of one line shares at one moment."""

    def __init__(self, board: Board, line: Line, tickets: list[Held], *, now: datetime, policy: Policy) -> None:
        self._line, self._tickets, self._now = line, tickets, now
        waiting = {one.as_waiting.id: one.as_waiting for one in tickets if one.state is TicketState.WAITING}
        turns = order(waiting.values(), now=now, policy=policy, streak=line.streak)
        self.waiting = len(waiting)
        self.turns: Mapping[int, tuple[int, Turn]] = {turn.id: (at, turn) for at, turn in enumerate(turns)}
        self.minutes = minutes_between(board, tickets, now)
        self.late = _late(line, tickets, now)
        self._first = waiting[turns[0].id].due if turns else now
        self._begins: dict[datetime, datetime] = {}

    def begins(self, opens: datetime) -> datetime:
        """When the next one is called, of a session that opens then."""
        if opens not in self._begins:
            self._begins[opens] = goes_on(opens, self._line, self._tickets, self._first, self._now)
        return self._begins[opens]


class Sight:
    """A board at one moment, for all who look at it: hundreds of telephones ask the same of the same line."""

    def __init__(self, board: Board, *, now: datetime, policy: Policy) -> None:
        self.board, self.now, self._policy = board, now, policy
        self._mine = {ticket.appointment: ticket for ticket in board.tickets if ticket.appointment is not None}
        self._coming = Coming(board.coming, now)
        self._lines: dict[int, _Beside] = {}

    def of(self, visit: Visit, *, today: bool) -> Standing:
        """Where a visit stands; `today` says whether its local day is this one."""
        mine = self._mine.get(visit.id)
        if mine is None:
            return self._not_there(visit, today=today)
        if mine.state in _OF_STATE:
            return Standing(_OF_STATE[mine.state], self.now, number=mine.label, room=mine.room)
        beside, own = self._beside(mine.line), mine.as_waiting
        ahead, turn = beside.turns[own.id]
        band = expected(
            ahead=ahead, coming=self._coming.between(visit.opens, own.due), minutes=beside.minutes, now=self.now,
            opens=beside.begins(visit.opens), own_start=own_start(own),
        )  # fmt: skip
        return Standing(
            Stage.WAITING, self.now, number=mine.label, ahead=ahead, band=band, late=beside.late,
            waiting=beside.waiting, turn=turn,
        )  # fmt: skip

    def _beside(self, line: int) -> _Beside:
        if line not in self._lines:
            tickets = [ticket for ticket in self.board.tickets if ticket.line == line]
            self._lines[line] = _Beside(self.board, self.board.lines[line], tickets, now=self.now, policy=self._policy)
        return self._lines[line]

    def _not_there(self, visit: Visit, *, today: bool) -> Standing:
        # The line she would join; where rooms have their own, which one is known only at the desk.
        beside = self._beside(next(iter(self.board.lines))) if len(self.board.lines) == 1 else None
        late = beside.late if beside is not None and today else 0
        waiting = beside.waiting if beside is not None else 0
        return Standing(_stage(visit, now=self.now, today=today), self.now, late=late, waiting=waiting)


def standing(board: Board, visit: Visit, *, now: datetime, today: bool, policy: Policy) -> Standing:
    """Where one visit stands at `now`; `today` says whether its local day is this one."""
    return Sight(board, now=now, policy=policy).of(visit, today=today)


def _stage(visit: Visit, *, now: datetime, today: bool) -> Stage:
    if visit.state is AppointmentState.CANCELLED:
        return Stage.CANCELLED
    if visit.state is AppointmentState.FULFILLED:
        return Stage.DONE
    if visit.state is AppointmentState.NOSHOW or now >= visit.closes:
        return Stage.OVER
    if not today:
        return Stage.ANOTHER_DAY
    if now < visit.opens:
        return Stage.BEFORE
    return Stage.EXPECTED if now <= visit.ends_at else Stage.OVERDUE


def _late(line: Line, beside: list[Held], now: datetime) -> int:
    in_time = [
        (one, one.as_waiting.band_end)
        for one in beside
        if one.as_waiting.band_end is not None
        and one.as_waiting.band_start is not None
        and one.as_waiting.arrived_at <= one.as_waiting.band_start
        and one.as_waiting.requeued_at is None
    ]
    return minutes_late(
        said=said(line, beside),
        called=[(end, one.called_at) for one, end in in_time if one.called_at is not None],
        unserved=[end for one, end in in_time if one.state is TicketState.WAITING],
        now=now,
    )
