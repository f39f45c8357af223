"""Whom to telephone about a slip: who was invited by SMS and did not get it. As `appointments.calling` for visits.

Who is on the list is looked up anew each time: the slip is still good, nothing is booked for it, the person it concerns
agrees to be told, and no text about it arrived. What came of a call is kept in rows of their own.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, false, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.calling import queries as visits
from booking.appointments.closing.kinds import OPEN_CALLS, CallOutcome
from booking.appointments.models import Appointment
from booking.appointments.telling import is_wrong
from booking.clock import local_day
from booking.directory.models import Service
from booking.invitations import matching, telling
from booking.invitations.commands import NoteSlipCall
from booking.invitations.errors import InvitationUnknown
from booking.invitations.models import Invitation, InvitationCall
from booking.messages import numbers
from booking.messages.kinds import MessageState, SuppressedReason
from booking.messages.models import Message
from booking.patients.models import Patient
from booking.trail.service import record

MOST: Final = 60
"""Lines shown; the next follow once these people were spoken to, have booked, or got it after all."""

_ENDED: Final = (*visits.ENDED, MessageState.EXPIRED)
"""What became of a text tells something then; one that waits may still go before the day on the slip."""

_NOT_GOT: Final = tuple(state for state in _ENDED if state is not MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class SlipToCall:
    """Somebody to telephone, or who was telephoned, about one slip. `why` as in `visits.ToCall`.

    `service` is the code of what it is for, where it is booked here: it leads to its days and is not said in words.
    `silent`: staff may find out that the number works after all.
    """

    slip: UUID
    patient: UUID
    name: str
    phone: str | None
    code: str
    why: str
    due: date
    first: date
    last: date
    service: str | None
    call: CallOutcome
    calls: int
    called_at: datetime | None
    note: str
    silent: bool

    @property
    def open(self) -> bool:
        """Whether somebody has still to speak to her."""
        return self.call in OPEN_CALLS


async def to_call(session: AsyncSession, facility_id: int, *, now: datetime) -> list[SlipToCall]:
    """The list of a facility: those still to be called first, the earliest due first; at most `MOST`."""
    not_got = select(Message.id).where(_told_of(), col(Message.state).in_(_NOT_GOT)).correlate(Invitation)
    query = (
        _good(facility_id, now)
        .add_columns(InvitationCall, Message, col(Service.code))
        .outerjoin(InvitationCall, _of_this_day())
        .outerjoin(Service, and_(col(Service.id) == col(Invitation.service_id), col(Service.bookable)))
        .join(Message, _told_of())
        .where(col(Message.state).in_(_ENDED), not_got.exists())
        .order_by(
            func.coalesce(col(InvitationCall.call).not_in(OPEN_CALLS), false()), col(Invitation.due), col(Invitation.id)
        )
    )
    found: dict[int | None, tuple[Invitation, InvitationCall | None, str | None, list[Message]]] = {}
    for slip, call, message, service in (await session.execute(query)).all():
        found.setdefault(slip.id, (slip, call, service, []))[3].append(message)
    calls: list[SlipToCall] = []
    for slip, call, service, told in found.values():
        why = visits.why(told)
        one = await _one(session, slip, call, service, why, now=now) if why or call is not None else None
        calls += [one] if one is not None else []
        if len(calls) == MOST:
            break
    return calls


async def note_call(
    session: AsyncSession, facility_id: int, slip: UUID, command: NoteSlipCall, *, by: Actor, now: datetime
) -> None:
    """Write down what came of it. Whoever was spoken to needs no text about it any more.

    Args:
        session: the caller's transaction.
        facility_id: whose slip it is.
        slip: the public id.
        command: what came of it.
        by: the member of staff.
        now: the moment of the request, UTC.

    Raises:
        InvitationUnknown: the facility has no such slip that is still good.
    """
    seen = await _slip(session, facility_id, slip, now=now)
    assert seen.id is not None
    mine = (col(InvitationCall.invitation_id) == seen.id, col(InvitationCall.due) == seen.due)
    row = await session.scalar(select(InvitationCall).where(*mine).with_for_update())
    if row is None:
        row = InvitationCall(invitation_id=seen.id, due=seen.due, call=command.outcome, calls=0, called_at=now)
        session.add(row)
    row.call, row.called_at, row.called_by = command.outcome, now, by.id
    row.calls += 1
    row.note = command.note or row.note
    if command.outcome not in OPEN_CALLS:
        await telling.call_back(session, [seen], now=now)
    record(
        session, "invitation.call", "invitation", slip, by=by, now=now, outcome=command.outcome.value, calls=row.calls
    )


async def number_works(session: AsyncSession, facility_id: int, slip: UUID, *, by: Actor, now: datetime) -> None:
    """Staff know that the number can be reached after all: messages go there again.

    Raises:
        InvitationUnknown: the facility has no such slip that is still good, or it concerns nobody we know.
    """
    seen = await _slip(session, facility_id, slip, now=now)
    patient = await _whom(session, seen, now=now)
    if patient is None:
        raise InvitationUnknown
    phone = await telling.number_of(session, seen, patient, now=now)
    if phone is not None and await numbers.works(session, phone, now=now):
        record(session, "number.works", "invitation", slip, by=by, now=now)


async def is_settled(session: AsyncSession, slip: Invitation) -> bool:
    """Whether somebody was spoken to about a slip as it stands: then no text about it need go."""
    query = select(col(InvitationCall.call)).where(
        col(InvitationCall.invitation_id) == slip.id, col(InvitationCall.due) == slip.due
    )
    found = await session.scalar(query)
    return found is not None and found not in OPEN_CALLS


def _good(facility_id: int, now: datetime) -> Select[Any]:
    """The slips of a facility that can still be used."""
    return (
        select(Invitation)
        .outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(col(Invitation.facility_id) == facility_id, matching.is_open(local_day(now)))
    )


def _of_this_day() -> Any:
    return and_(col(InvitationCall.invitation_id) == col(Invitation.id), col(InvitationCall.due) == col(Invitation.due))


def _told_of() -> Any:
    return and_(col(Message.subject_kind) == telling.SUBJECT, col(Message.subject_id) == col(Invitation.public_id))


async def _slip(session: AsyncSession, facility_id: int, slip: UUID, *, now: datetime) -> Invitation:
    """A slip that is still good, locked as by whoever uses it."""
    query = _good(facility_id, now).where(col(Invitation.public_id) == slip).with_for_update(of=Invitation)
    found: Invitation | None = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise InvitationUnknown
    return found


async def _whom(session: AsyncSession, slip: Invitation, *, now: datetime) -> Patient | None:
    """The person it concerns, who agrees to be told of it."""
    patient = await matching.whom(session, slip, today=local_day(now))
    return patient if patient is not None and await telling.agreed(session, patient, now=now) is not None else None


async def _one(
    session: AsyncSession, slip: Invitation, call: InvitationCall | None, service: str | None, why: str, *,
    now: datetime,
) -> SlipToCall | None:  # fmt: skip
    """Her line on the list; None where the slip concerns nobody we may call, or she comes anyway."""
    patient = await _whom(session, slip, now=now)
    if patient is None or await telling.comes(session, slip, patient):
        return None
    phone = await telling.number_of(session, slip, patient, now=now)
    if is_wrong(phone, patient):  # it was said since: a stranger would hear of her illness
        phone, why = None, SuppressedReason.WRONG_NUMBER.value
    return SlipToCall(
        slip=slip.public_id, patient=patient.public_id, name=patient.name, phone=phone, code=slip.code or "", why=why,
        due=slip.due, first=slip.first_day, last=slip.last_day, service=service,
        call=call.call if call else CallOutcome.NOT_CALLED, calls=call.calls if call else 0,
        called_at=call.called_at if call else None, note=call.note if call else "",
        silent=why in (SuppressedReason.UNREACHABLE.value, visits.NOT_DELIVERED),
    )  # fmt: skip
