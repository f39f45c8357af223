"""What was done lately, and undoing it. Beside service.py; the order of locks is that of lines.py.

An act remembers what it changed, as it was before, and the ticket's version after it. It is undone as long as nothing
else was done with the ticket since, for five minutes. A ticket that the act itself made goes away again: its number is
on nobody's paper for long, and the audit keeps both acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.appointments import visiting
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.clock import local_day
from booking.directory.models import Facility
from booking.patients.kinds import PriorityClass
from booking.queue import lines, texting
from booking.queue.commands import Undo
from booking.queue.errors import ActUnknown, FormReused
from booking.queue.kinds import TicketState
from booking.queue.models import Queue, QueueAct, QueueTicket
from booking.queue.rules import UNDO_FOR, check_undo, label
from booking.trail.forgetting import BATCH, remove
from booking.trail.live import tell
from booking.trail.service import record

NAMES_KEPT: Final = timedelta(days=30)
"""So long the name, year and telephone of somebody who came without booking are kept."""

_PLAIN: Final = ("queue_id", "priority_reason", "calls", "room_id", "called_by")
_CHOICES: Final = ("state", "priority_verified")
_MOMENTS: Final = ("requeued_at", "called_at", "first_called_at", "in_room_at", "finished_at", "tested_at")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may still be undone. `what` is the step; `number` whose, as printed; `staff` the account's id."""

    id: UUID
    what: str
    number: str | None
    staff: str | None
    at: datetime


def kept(ticket: QueueTicket) -> dict[str, Any]:
    """What steps change of a ticket, as plain values."""
    found: dict[str, Any] = {name: getattr(ticket, name) for name in (*_PLAIN, *_CHOICES)}
    return found | {name: _written(getattr(ticket, name)) for name in _MOMENTS}


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _put(ticket: QueueTicket, before: Mapping[str, Any]) -> None:
    for name in _PLAIN:
        setattr(ticket, name, before.get(name))  # an act of before the upgrade does not know them all
    ticket.state = TicketState(before["state"])
    verified = before["priority_verified"]
    ticket.priority_verified = None if verified is None else PriorityClass(verified)
    for name in _MOMENTS:
        was = before.get(name)  # likewise
        setattr(ticket, name, None if was is None else datetime.fromisoformat(was))


def remember(
    session: AsyncSession,
    what: str,
    *,
    facility_id: int,
    before: Mapping[str, Any],
    by: Actor,
    now: datetime,
    once: UUID | None = None,
    line_id: int | None = None,
    ticket: QueueTicket | None = None,
    visit: int | None = None,
    number: str | None = None,
) -> None:
    """Note an act in the caller's transaction; `once` is the form's own name for it."""
    session.add(
        QueueAct(
            public_id=once or ids.public_id(), facility_id=facility_id, line_id=line_id, what=what,
            ticket=None if ticket is None else ticket.public_id, visit=visit, number=number, before=dict(before),
            version=None if ticket is None else ticket.version, staff=by.id, at=now,
        )
    )  # fmt: skip


async def done_with(session: AsyncSession, facility: str, once: UUID | None) -> QueueAct | None:
    """What the form of this name did already; None where it is the first time."""
    if once is None:
        return None
    found: QueueAct | None = await session.scalar(
        select(QueueAct)
        .join(Facility, col(Facility.id) == col(QueueAct.facility_id))
        .where(col(QueueAct.public_id) == once, col(Facility.code) == facility)
        .execution_options(populate_existing=True)
    )
    return found


async def repeated(
    session: AsyncSession, facility: str, once: UUID | None, what: str, *, ticket: UUID | None = None,
    number: str | None = None,
) -> QueueAct | None:  # fmt: skip
    """What the same form did already; None where it is the first time.

    Args:
        session: the caller's transaction.
        facility: its code.
        once: the form's own name for the act.
        what: the step it wants.
        ticket: whose, where the form says so.
        number: the same as it is remembered.

    Raises:
        FormReused: the name stands for something else that was done, so this was not.
    """
    done = await done_with(session, facility, once)
    if done is None:
        return None
    if done.what != what or ticket not in (None, done.ticket) or number not in (None, done.number):
        raise FormReused
    return done


async def lately(session: AsyncSession, facility_id: int, *, now: datetime, most: int = 8) -> list[Act]:
    """What may be undone at a facility, the newest first."""
    rows = await session.scalars(
        select(QueueAct)
        .where(
            col(QueueAct.facility_id) == facility_id, col(QueueAct.at) > now - UNDO_FOR,
            col(QueueAct.undone_at).is_(None),
        )
        .order_by(col(QueueAct.at).desc(), col(QueueAct.id).desc())
        .limit(most)
    )  # fmt: skip
    return [Act(row.public_id, row.what, row.number, row.staff, row.at) for row in rows]


async def undo(session: AsyncSession, command: Undo, *, by: Actor, now: datetime) -> Act:
    """Take an act back; one's own, taken back by oneself a moment ago, is answered as done.

    Raises:
        ActUnknown: the facility knows no such act.
        UndoTooLate, ActOvertaken: see rules.check_undo.
        NotChangeable: another visit of the patient stands in the way by now.
    """
    act = await done_with(session, command.facility, command.act)
    if act is None:
        raise ActUnknown
    visit = None if act.visit is None else await visiting.visit_of(session, act.visit)
    wanted = {number for number in (act.line_id, act.before.get("queue_id")) if number is not None}
    held = await lines.locked(session, *wanted)
    await session.refresh(act, with_for_update=True)
    if act.undone_at is not None and act.before.get("undone_by") == (by.id or ""):
        return Act(act.public_id, act.what, act.number, act.staff, act.at)
    ticket = await session.scalar(_ticket_of(act)) if act.ticket is not None else None
    check_undo(at=act.at, undone=act.undone_at is not None, untouched=_untouched(act, visit, ticket, held), now=now)
    if visit is not None and "visit" in act.before:
        await visiting.take_back(session, visit, AppointmentState(act.before["visit"]), by=by, now=now)
    if ticket is not None:
        await _take_back(session, act, ticket)
    _line_back(act, held)
    if act.what == "late":
        await texting.call_late_back(session, held[act.line_id or 0], now=now)
    act.undone_at, act.before = now, act.before | {"undone_by": by.id or ""}
    object_id = act.ticket or (visit.public_id if visit is not None else act.line_id)
    record(session, "queue.undo", "queue_ticket", object_id, by=by, now=now, what=act.what, number=act.number)
    _tell(session, act, visit, held, now=now)
    await session.flush()
    return Act(act.public_id, act.what, act.number, act.staff, act.at)


def _ticket_of(act: QueueAct) -> Any:
    found = select(QueueTicket).where(
        col(QueueTicket.public_id) == act.ticket, col(QueueTicket.facility_id) == act.facility_id
    )
    return found.execution_options(populate_existing=True)


def _untouched(act: QueueAct, visit: Appointment | None, ticket: QueueTicket | None, held: Mapping[int, Queue]) -> bool:
    """Whether everything stands as the act left it."""
    if act.ticket is not None:
        return ticket is not None and ticket.version == act.version and ticket.queue_id in held
    if act.what == "no_show":
        return visit is not None and visit.state is AppointmentState.NOSHOW
    line = held.get(act.line_id or 0)
    return line is not None and _written(line.late_said_at) == act.before["said"]


async def _take_back(session: AsyncSession, act: QueueAct, ticket: QueueTicket) -> None:
    if act.before.get("new"):
        await session.execute(delete(QueueTicket).where(col(QueueTicket.id) == ticket.id))
        session.expunge(ticket)
        return
    _put(ticket, act.before)
    ticket.version -= 1  # as it was, so that what was done before can be taken back as well


def _line_back(act: QueueAct, held: Mapping[int, Queue]) -> None:
    line = held.get(act.line_id or 0)
    if line is None:
        return
    if "streak" in act.before and line.priority_streak == act.before["streak_after"]:
        line.priority_streak = act.before["streak"]  # where somebody was called since, the count of then means nothing
    if act.what == "late":
        said = act.before["late_said_at"]
        line.late_minutes = act.before["late_minutes"]
        line.late_said_at = None if said is None else datetime.fromisoformat(said)


def _tell(
    session: AsyncSession, act: QueueAct, visit: Appointment | None, held: Mapping[int, Queue], *, now: datetime
) -> None:
    topics = {lines.topic(line.facility_id, line.day, line.service_id) for line in held.values()}
    if visit is not None:
        topics.add(lines.topic(visit.facility_id, local_day(visit.starts_at), visit.service_id))
    for topic in sorted(topics):
        tell(session, topic, now=now, what="undo", number=act.number, undone=act.what)


def numbered(ticket: QueueTicket) -> str:
    """The number as printed."""
    return label(ticket.series, ticket.number)


_SAID = or_(
    col(QueueTicket.name).is_not(None), col(QueueTicket.birth_year).is_not(None), col(QueueTicket.phone).is_not(None)
)


async def forget_acts(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove what can no longer be undone, and what people who came without booking once said of themselves.

    The audit keeps the acts; the ticket stays for the counts of the day, without a name.
    """
    done = await remove(session, QueueAct, col(QueueAct.at) < now - 2 * UNDO_FOR, most=most)
    old = (
        select(col(QueueTicket.id))
        .where(col(QueueTicket.day) < local_day(now) - NAMES_KEPT, _SAID)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    said: Any = await session.execute(
        update(QueueTicket)
        .where(col(QueueTicket.id).in_(old))
        .values(name=None, birth_year=None, phone=None)
        .execution_options(synchronize_session=False)
    )
    return done + int(said.rowcount)
