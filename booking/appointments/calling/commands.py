"""What came of telephoning."""

from pydantic import Field

from booking.appointments.closing.kinds import CallOutcome
from booking.inputs import Command


class NoteVisitCall(Command):
    """What came of it, and what is worth knowing next time."""

    outcome: CallOutcome
    note: str = Field("", max_length=200)
