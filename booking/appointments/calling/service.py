"""Writing down what came of telephoning, wherever it is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments.calling import queries
from booking.appointments.calling.commands import NoteVisitCall
from booking.appointments.calling.models import VisitCall
from booking.appointments.closing import answering
from booking.appointments.closing.changes import reader_of
from booking.appointments.closing.commands import NoteCall
from booking.appointments.closing.kinds import CallOutcome
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.messages import numbers
from booking.trail.service import record


async def note_call(
    session: AsyncSession, facility_id: int, visit: UUID, command: NoteVisitCall, *, by: Actor, now: datetime
) -> None:
    """Write down what came of it. Where she gives the visit up, that is done at once.

    A visit that a closing changed is noted in the closing's rows, so the closing's own page says the same.

    Args:
        session: the caller's transaction.
        facility_id: whose patients are telephoned.
        visit: the appointment's public id.
        command: what came of it.
        by: the member of staff.
        now: the moment of the request, UTC.

    Raises:
        AppointmentUnknown: the facility has no such visit that is still on, or that it cancelled.
        NotAsked: it is off already.
    """
    closing = await queries.closing_of(session, facility_id, visit)
    if closing is not None:
        noted = NoteCall(outcome=command.outcome, note=command.note)
        return await answering.note_call(session, closing, facility_id, visit, noted, by=by, now=now)
    seen = await _visit(session, facility_id, visit)
    version = seen.version
    assert seen.id is not None
    if command.outcome is CallOutcome.CANCELLED:
        await answering.give_up(session, seen.id, by=by, now=now)
    query = select(VisitCall).where(col(VisitCall.appointment_id) == seen.id, col(VisitCall.version) == version)
    row = await session.scalar(query.with_for_update())
    if row is None:
        row = VisitCall(appointment_id=seen.id, version=version, call=command.outcome, calls=0, called_at=now)
        session.add(row)
    row.call, row.called_at, row.called_by = command.outcome, now, by.id
    row.calls += 1
    row.note = command.note or row.note
    record(
        session, "appointment.call", "appointment", visit, by=by, now=now, outcome=command.outcome.value,
        calls=row.calls,
    )  # fmt: skip
    return None


async def number_works(session: AsyncSession, facility_id: int, visit: UUID, *, by: Actor, now: datetime) -> None:
    """Staff know that the number can be reached after all: messages go there again.

    Raises:
        AppointmentUnknown: the facility has no such visit that is still on.
    """
    to = await reader_of(session, await _visit(session, facility_id, visit))
    if to.phone is not None and await numbers.works(session, to.phone, now=now):
        record(session, "number.works", "appointment", visit, by=by, now=now)


async def _visit(session: AsyncSession, facility_id: int, visit: UUID) -> Appointment:
    """A visit that is on, or that the facility cancelled: she is to hear that, too."""
    ours = and_(
        col(Appointment.state) == AppointmentState.CANCELLED,
        col(Appointment.cancelled_by) == CancelledBy.FACILITY,
    )
    query = select(Appointment).where(
        col(Appointment.public_id) == visit,
        col(Appointment.facility_id) == facility_id,
        or_(col(Appointment.state) == AppointmentState.BOOKED, ours),
        col(Appointment.patient_id).is_not(None),
    )
    found = await session.scalar(query)
    if found is None:
        raise AppointmentUnknown
    return found
