"""Where one visit stands on its day: rules over a board, beside rules.py and estimating.py; no database, no clock."""

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


def standing(board: Board, visit: Visit, *, now: datetime, today: bool, policy: Policy) -> Standing:
    """Where the visit stands at `now`; `today` says whether its local day is this one."""
    mine = next((ticket for ticket in board.tickets if ticket.appointment == visit.id), None)
    if mine is None:
        return _not_there(board, visit, now=now, today=today)
    if mine.state in _OF_STATE:
        return Standing(_OF_STATE[mine.state], now, number=mine.label, room=mine.room)
    line = board.lines[mine.line]
    beside = [ticket for ticket in board.tickets if ticket.line == mine.line]
    waiting = [ticket.as_waiting for ticket in beside if ticket.state is TicketState.WAITING]
    turns = order(waiting, now=now, policy=policy, streak=line.streak)
    ahead = next(index for index, turn in enumerate(turns) if turn.id == mine.as_waiting.id)
    own, first = mine.as_waiting, next(one for one in waiting if one.id == turns[0].id)
    band = expected(
        ahead=ahead,
        coming=Coming(board.coming, now).between(visit.opens, own.due),
        minutes=minutes_between(board, beside, now),
        now=now,
        opens=goes_on(visit.opens, line, beside, first.due, now),
        own_start=own_start(own),
    )
    return Standing(
        Stage.WAITING, now, number=mine.label, ahead=ahead, band=band, late=_late(line, beside, now),
        waiting=len(waiting), turn=turns[ahead],
    )  # fmt: skip


def _not_there(board: Board, visit: Visit, *, now: datetime, today: bool) -> Standing:
    # The line she would join; where rooms have their own, which one is known only at the desk.
    line = next(iter(board.lines.values()), None) if len(board.lines) == 1 else None
    beside = [ticket for ticket in board.tickets if line is not None and ticket.line == line.id]
    waiting = sum(ticket.state is TicketState.WAITING for ticket in beside)
    late = _late(line, beside, now) if line is not None and today else 0
    return Standing(_stage(visit, now=now, today=today), now, late=late, waiting=waiting)


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
