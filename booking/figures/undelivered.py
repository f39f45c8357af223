"""SMS that did not arrive, and what to do about each: the call list of its closing, or the visit itself.

No name and no number stands here: whoever opens the visit reads a record, and that is written down there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, text
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.clock import day_bounds
from booking.figures.rules import Span
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT
from booking.sms.gateway import Fault

MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Lost:
    """One SMS. `code` and `starts_at` are its visit's; `closing` is the closing whose call list has the person."""

    due_at: datetime
    kind: MessageKind
    state: MessageState
    error_code: int | None
    fault: Fault | None
    code: str | None
    starts_at: datetime | None
    visit_state: AppointmentState | None
    closing: UUID | None


async def at_facility(session: AsyncSession, facility_id: int, span: Span) -> list[Lost]:
    """The SMS of these days that did not arrive, the latest first."""
    closing = (
        select_columns(col(Closing.public_id))
        .join(ClosingVisit, col(ClosingVisit.closing_id) == col(Closing.id))
        .where(col(ClosingVisit.appointment_id) == col(Appointment.id), col(ClosingVisit.undone).is_(None))
        .order_by(col(ClosingVisit.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select_columns(
            col(Message.due_at), col(Message.kind), col(Message.state), col(Message.error_code), col(Message.fault),
            col(Appointment.code), col(Appointment.starts_at), col(Appointment.state), closing,
        )
        .outerjoin(
            Appointment,
            and_(col(Message.subject_kind) == APPOINTMENT, col(Appointment.public_id) == col(Message.subject_id)),
        )
        .where(
            col(Message.facility_id) == facility_id,
            col(Message.due_at) >= day_bounds(span.first)[0],
            col(Message.due_at) < day_bounds(span.last)[1],
            text("message.state IN ('failed', 'undelivered')"),  # as the index has it; bound values are not compared
        )
        .order_by(col(Message.due_at).desc())
        .limit(MOST)
    )  # fmt: skip
    rows: list[Any] = [*(await session.execute(query)).all()]
    return [Lost(*row) for row in rows]
