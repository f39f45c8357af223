"""What one can ask for."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from booking.appointments.closing.kinds import CallOutcome, ClosingAnswer, ClosingScope
from booking.appointments.commands import LARGEST_SLOT
from booking.inputs import Command, ShortText, Whole


class Span(Command):
    """What is to be closed. `session_id` and `practitioner` only where the scope asks for them."""

    scope: ClosingScope
    session_id: Whole | None = Field(None, ge=1, le=LARGEST_SLOT)
    practitioner: ShortText | None = None
    starts_at: datetime
    ends_at: datetime


class CloseTimes(Command):
    """Close the span and see to those inside. `key` becomes the closing's public id: the same key makes it once."""

    key: UUID
    span: Span
    answer: ClosingAnswer
    send_now: bool = False
    reason: str = Field(max_length=200)
    reason_en: str = Field("", max_length=200)


class NoteCall(Command):
    """What came of telephoning; `slot` where another time was agreed."""

    outcome: CallOutcome
    slot: Whole | None = Field(None, ge=1, le=LARGEST_SLOT)
    note: str = Field("", max_length=200)
