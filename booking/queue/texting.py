"""What the queue tells people by SMS: that it runs late, that a turn is near. Beside service.py, in its transactions.

Nobody who is there is told of a delay: she sees it. A text of a delay rests for two minutes, so that a wrong number
typed at the desk reaches nobody once it is taken back. Whoever arrives, moves or cancels calls her texts back by the
verbs of the visit; a call calls back that the turn is near.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.appointments.closing.asking import is_off
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import facts_of, recipient_of
from booking.availability.models import Session, Slot
from booking.directory.models import Facility
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.rules import QUIET_UNTIL, is_quiet
from booking.messages.service import APPOINTMENT, Notice
from booking.patients.models import Account, Patient
from booking.queue.models import Queue, QueueTicket
from booking.queue.wish_models import NearWish

REST: Final = timedelta(minutes=2)
"""A text of a delay waits so long: what was announced by mistake is taken back by then."""

WORTH_TELLING: Final = 15
"""Minutes: a smaller delay is not texted, and no change of one that is smaller."""

NEAR: Final = 5
"""People before somebody when she is told that her turn is near."""

_USEFUL: Final = timedelta(minutes=30)
_WAITS: Final = (MessageState.DUE, MessageState.CLAIMED)
_MAY_HAVE_GONE: Final = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.SENT, MessageState.DELIVERED)


class _Told(NamedTuple):
    copy: int
    minutes: int
    state: MessageState


async def tell_late(session: AsyncSession, line: Queue, minutes: int, *, text: bool, now: datetime) -> int:
    """Text a delay, where chosen, to those who are booked for the session and not here yet; to how many.

    Who was told of nearly the same delay is not told again. What was not sent yet of another figure is called back,
    chosen or not: the session has caught up, or it is worse.
    """
    visits = await _coming(session, line, now)
    told = await _told(session, [visit.public_id for visit, *_ in visits])
    stale = [one for one, last in told.items() if last.state in _WAITS and _differs(last.minutes, minutes)]
    await messages.supersede_all(session, stale, now=now, kinds=[MessageKind.RUNNING_LATE])
    if not text or minutes < WORTH_TELLING:
        return 0
    written = 0
    for visit, patient, account, facility in visits:
        last = told.get(visit.public_id)
        if last is not None and last.state is not MessageState.SUPERSEDED and not _differs(last.minutes, minutes):
            continue
        to = recipient_of(visit, patient, account)
        facts = facts_of(visit, facility.sms_name) | {"late": minutes}
        notice = Notice(
            visit.public_id, MessageKind.RUNNING_LATE, visit.version, visit.facility_id, facts,
            due_at=_awake(now + REST), useful_until=visit.starts_at + timedelta(minutes=minutes),
            copy=0 if last is None else last.copy + 1,
        )  # fmt: skip
        await messages.write(session, [notice], to, now=now)
        written += to.suppressed is None and to.phone is not None
    return written


async def call_late_back(session: AsyncSession, line: Queue, *, now: datetime) -> int:
    """A delay is taken back: what was not sent of it goes no more."""
    visits = select(Appointment.public_id).where(
        col(Appointment.service_id) == line.service_id, col(Appointment.day) == line.day
    )
    found = [*await session.scalars(visits)]
    return await messages.supersede_all(session, found, now=now, kinds=[MessageKind.RUNNING_LATE])


async def minutes_told(session: AsyncSession, visit: Appointment) -> int:
    """The delay she was told of by SMS: whoever comes so much later has come in time. 0 where she was told of none."""
    last = (await _told(session, [visit.public_id], _MAY_HAVE_GONE)).get(visit.public_id)
    return 0 if last is None else last.minutes


async def _coming(
    session: AsyncSession, line: Queue, now: datetime
) -> Sequence[tuple[Appointment, Patient, Account | None, Facility]]:
    """Whom a delay concerns: booked for the session that is on or comes next, and not here.

    Whose time does not take place is none of them: she was told so, or will be.
    Those somebody is changing this moment are left out: we hold the line, and they may wait for it.
    """
    closes = (
        select_columns(func.min(col(Session.ends_at)))
        .where(col(Session.service_id) == line.service_id, col(Session.day) == line.day, col(Session.ends_at) > now)
        .scalar_subquery()
    )
    where = [
        col(Appointment.service_id) == line.service_id,
        col(Appointment.day) == line.day,
        col(Appointment.state) == AppointmentState.BOOKED,
        col(Appointment.ends_at) > now,
        col(Appointment.starts_at) < closes,
        ~is_off(),
    ]
    if line.room_id is not None:
        where.append(col(Slot.room_id) == line.room_id)
    query = (
        select_columns(Appointment, Patient, Account, Facility)
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(*where)
        .order_by(col(Appointment.id))
        .with_for_update(of=Appointment, key_share=True, skip_locked=True)
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    return [tuple(row) for row in rows]


async def _told(
    session: AsyncSession, visits: Sequence[UUID], states: Sequence[MessageState] = tuple(MessageState)
) -> Mapping[UUID, _Told]:
    """The last text of a delay to each that was not called back; `copy` counts all of them."""
    query = (
        select_columns(col(Message.subject_id), col(Message.copy_number), col(Message.facts), col(Message.state))
        .where(
            col(Message.subject_kind) == APPOINTMENT,
            col(Message.subject_id).in_(visits),
            col(Message.kind) == MessageKind.RUNNING_LATE,
            col(Message.state).in_(states),
        )
        .order_by(col(Message.id))
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    found: dict[UUID, _Told] = {}
    for visit, copy, facts, state in rows:
        before = found.get(visit)
        if before is not None and state is MessageState.SUPERSEDED:
            found[visit] = before._replace(copy=copy)
        else:
            found[visit] = _Told(copy, int(facts["late"]), state)
    return found


def _differs(told: int, minutes: int) -> bool:
    return abs(told - minutes) >= WORTH_TELLING


def _awake(moment: datetime) -> datetime:
    """The moment itself, or the end of the night it lies in. Nobody works at a desk between 21:00 and midnight."""
    if not is_quiet(moment, clock.ZONE):
        return moment
    return max(moment, clock.at_local(clock.local_day(moment), QUIET_UNTIL))


async def tell_near(session: AsyncSession, called: int, turns: Sequence[int], *, now: datetime) -> int:
    """Somebody was called: whoever asked for it is told that few are left before her, once a visit; to how many.

    Args:
        session: of the call.
        called: the ticket that was called; its own text goes no more.
        turns: the tickets that wait, in the order of their turns.
        now: the moment of the call.
    """
    near = turns[: NEAR + 1]
    query = (
        select_columns(col(QueueTicket.id), Appointment, Patient, Account, Facility)
        .join(NearWish, col(NearWish.appointment_id) == col(QueueTicket.appointment_id))
        .join(Appointment, col(Appointment.id) == col(NearWish.appointment_id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(col(QueueTicket.id).in_([called, *near]))
    )
    written = 0
    for ticket, visit, patient, account, facility in (await session.execute(query)).all():
        if ticket == called:
            await messages.supersede_all(session, [visit.public_id], now=now, kinds=[MessageKind.TURN_NEAR])
            continue
        ahead = near.index(ticket)
        if not ahead or is_quiet(now, clock.ZONE):
            continue
        facts = facts_of(visit, facility.sms_name) | {"ahead": ahead}
        notice = Notice(
            visit.public_id, MessageKind.TURN_NEAR, visit.version, visit.facility_id, facts, due_at=now,
            useful_until=now + _USEFUL,
        )  # fmt: skip
        written += await messages.write(session, [notice], recipient_of(visit, patient, account), now=now)
    return written


async def call_near_back(session: AsyncSession, visit: Appointment | None, *, now: datetime) -> None:
    """She is not waiting any more."""
    if visit is not None:
        await messages.supersede_all(session, [visit.public_id], now=now, kinds=[MessageKind.TURN_NEAR])
