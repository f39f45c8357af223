"""Whom to telephone at a facility: one list, whatever the reason why no message reached her.

A visit that a closing changed stands in the closing's own rows, with its outcomes; every other in `visit_call`. Who is
on the list is looked up anew each time: from what became of the messages of the visit as it stands now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.calling import overdue
from booking.appointments.calling.models import VisitCall
from booking.appointments.closing import queries as closings
from booking.appointments.closing.asking import is_dropped
from booking.appointments.closing.kinds import OPEN_CALLS, CallOutcome
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.closing.queries import Call
from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.appointments.telling import to_telephone
from booking.messages import sharing
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT
from booking.patients.models import Account, Patient

AHEAD: Final = timedelta(days=14)
"""Visits this near are telephoned about; for a later one there is time."""

MOST: Final = 300

NOT_DELIVERED: Final = "not_delivered"
"""Why, where a text was lost."""

_LOST = (MessageState.FAILED, MessageState.UNDELIVERED)
_NO_WAY = (SuppressedReason.UNREACHABLE.value, SuppressedReason.WRONG_NUMBER.value)
"""Nothing of any kind reaches her, and she may count on messages."""

_NOBODY = (
    *_NO_WAY, SuppressedReason.NO_PHONE.value, SuppressedReason.NOT_A_MOBILE.value, SuppressedReason.NO_CONSENT.value,
)  # fmt: skip
"""No message tells her. News she has to hear all the same."""
_ASKING = (MessageKind.CHOOSE, MessageKind.CONFLICT)
ENDED: Final = (*_LOST, MessageState.DELIVERED, MessageState.SUPPRESSED)
"""What became of a message tells something; of the other states only news that is overdue does."""


@dataclass(frozen=True, slots=True)
class ToCall:
    """Somebody to telephone, or who was telephoned, about one visit. `closing` keeps the outcome where there is one."""

    visit: UUID
    patient: UUID
    name: str
    phone: str | None
    code: str
    why: str
    starts_at: datetime | None
    was_at: datetime | None
    asked: bool
    call: CallOutcome
    calls: int
    called_at: datetime | None
    note: str
    silent: bool = False
    closing: UUID | None = None

    @property
    def open(self) -> bool:
        """Whether somebody has still to speak to her."""
        return self.call in OPEN_CALLS


async def to_call(session: AsyncSession, facility_id: int, *, now: datetime) -> list[ToCall]:
    """The list: those still to be called first, the earliest visit first."""
    found = await _of_closings(session, facility_id, now=now)
    known = {one.visit for one in found}
    # Whose time is off hears that first, whatever else did not reach her.
    dropped = await _of_dropped(session, facility_id, now=now)
    booked = await _of_messages(session, _coming(facility_id, now), now=now)
    cancelled = await _of_messages(session, _cancelled(facility_id, now), now=now)
    for more in (dropped, booked, cancelled):
        found += [one for one in more if one.visit not in known]
        known |= {one.visit for one in more}
    return sorted(found, key=_order)[:MOST]


async def closing_of(session: AsyncSession, facility_id: int, visit: UUID) -> Closing | None:
    """The closing whose rows keep what came of telephoning about this visit as it stands; None where none does."""
    query = (
        select(Closing)
        .join(ClosingVisit, col(ClosingVisit.closing_id) == col(Closing.id))
        .join(Appointment, col(Appointment.id) == col(ClosingVisit.appointment_id))
        .where(
            col(ClosingVisit.facility_id) == facility_id,
            closings.concerned(),
            col(ClosingVisit.version) == col(Appointment.version),
            col(Appointment.public_id) == visit,
        )
        .order_by(col(Closing.id).desc())
        .limit(1)
    )
    found: Closing | None = await session.scalar(query)
    return found


def _order(one: ToCall) -> tuple[bool, datetime, str]:
    when = one.starts_at or one.was_at
    assert when is not None
    return not one.open, when, one.code


async def _of_closings(session: AsyncSession, facility_id: int, *, now: datetime) -> list[ToCall]:
    query = (
        select(Closing)
        .where(
            col(Closing.ends_at) > now,
            select(col(ClosingVisit.id))
            .where(col(ClosingVisit.closing_id) == col(Closing.id), col(ClosingVisit.facility_id) == facility_id)
            .exists(),
        )
        .order_by(col(Closing.id).desc())
    )
    found: dict[UUID, ToCall] = {}
    for closing in (await session.scalars(query)).all():
        for call in await closings.calls(session, closing, facility_id, now=now):
            found.setdefault(call.visit, _from_closing(closing, call))
    return list(found.values())


def _from_closing(closing: Closing, call: Call) -> ToCall:
    return ToCall(
        visit=call.visit, patient=call.patient, name=call.name, phone=call.phone, code=call.code, why=call.why,
        starts_at=call.starts_at, was_at=call.old_starts_at, asked=call.asked, call=call.call, calls=call.calls,
        called_at=call.called_at, note=call.note, closing=closing.public_id,
    )  # fmt: skip


Visits = Select[Appointment, Patient, Account | None, VisitCall | None]


def _coming(facility_id: int, now: datetime) -> Visits:
    """Booked visits at a facility that are near."""
    return _near(facility_id, now).where(col(Appointment.state) == AppointmentState.BOOKED)


def _cancelled(facility_id: int, now: datetime) -> Visits:
    """Likewise visits that the facility cancelled: whoever cancelled hers herself knows of it."""
    return _near(facility_id, now).where(
        col(Appointment.state) == AppointmentState.CANCELLED,
        col(Appointment.cancelled_by) == CancelledBy.FACILITY,
    )


def _near(facility_id: int, now: datetime) -> Visits:
    """Visits at a facility that are near, with what came of telephoning about them as they stand."""
    of_version = and_(
        col(VisitCall.appointment_id) == col(Appointment.id), col(VisitCall.version) == col(Appointment.version)
    )
    return (
        select(Appointment, Patient, Account, VisitCall)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .outerjoin(VisitCall, of_version)
        .where(
            col(Appointment.facility_id) == facility_id,
            col(Appointment.starts_at) > now,
            col(Appointment.starts_at) <= now + AHEAD,
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )


async def _of_dropped(session: AsyncSession, facility_id: int, *, now: datetime) -> list[ToCall]:
    """Those booked for a day that is off, or in a session that was taken out: nothing has told them so."""
    rows = (await session.execute(_coming(facility_id, now).where(is_dropped()))).all()
    return [_from_messages(visit, patient, account, call, "off") for visit, patient, account, call in rows]


async def _of_messages(session: AsyncSession, visits: Visits, *, now: datetime) -> list[ToCall]:
    """Those of some visits to whom no message came, or not in time."""
    of_visit = and_(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == col(Appointment.public_id),
        col(Message.version) == col(Appointment.version),
    )
    query = (
        visits.add_columns(Message)
        .join(Message, of_visit)
        .where(or_(col(Message.state).in_(ENDED), overdue.is_overdue(now)))
    )
    found: dict[UUID, tuple[Appointment, Patient, Account | None, VisitCall | None, list[Message]]] = {}
    for visit, patient, account, call, message in (await session.execute(query)).all():
        found.setdefault(visit.public_id, (visit, patient, account, call, []))[4].append(message)
    covered = [one.id for row in found.values() for one in row[4] if one.reason == SuppressedReason.COVERED.value]
    carriers = await _carriers(session, [one for one in covered if one is not None])
    return [
        _from_messages(visit, patient, account, call, reason, asked=any(one.kind in _ASKING for one in told))
        for visit, patient, account, call, told in found.values()
        if (reason := why([carriers.get(one.id or 0, one) for one in told])) or call is not None
    ]


async def _carriers(session: AsyncSession, covered: Sequence[int]) -> dict[int, Message]:
    """The text that stands for each of these covered reminders, where it tells what became of it.

    As any reminder it is no news: that it waits, is out or was called back is no reason to telephone.
    """
    found = await sharing.carriers(session, covered) if covered else {}
    return {each: carrier for each, carrier in found.items() if carrier.state in (*ENDED, MessageState.EXPIRED)}


def why(sent: Sequence[Message]) -> str:
    """Why she is to be called to whom these were sent; empty where the last one arrived, or none was to come."""
    found = ""
    for message in sorted(sent, key=lambda one: (one.changed_at, one.id or 0)):
        if message.state is MessageState.DELIVERED:
            found = ""
        elif message.state in _LOST:
            found = NOT_DELIVERED
        elif message.state is not MessageState.SUPPRESSED:
            found = overdue.why(message)
        elif message.reason in (_NOBODY if overdue.is_news(message) else _NO_WAY):
            found = message.reason or ""
    return found


def _from_messages(
    visit: Appointment,
    patient: Patient,
    account: Account | None,
    call: VisitCall | None,
    reason: str,
    *,
    asked: bool = False,
) -> ToCall:
    phone, wrong = to_telephone(patient, account)
    reason = SuppressedReason.WRONG_NUMBER.value if wrong else reason
    on = visit.state is AppointmentState.BOOKED
    return ToCall(
        visit=visit.public_id, patient=patient.public_id, name=patient.name,
        phone=phone, code=visit.code, why=reason,
        starts_at=visit.starts_at if on else None, was_at=visit.starts_at if asked or not on else None, asked=asked,
        call=call.call if call else CallOutcome.NOT_CALLED,
        calls=call.calls if call else 0, called_at=call.called_at if call else None, note=call.note if call else "",
        silent=reason in (SuppressedReason.UNREACHABLE.value, NOT_DELIVERED),
    )  # fmt: skip
