"""What one can ask of the timetable."""

from pydantic import Field

from booking.inputs import Command, ShortText


class PublishSlots(Command):
    """Make the sessions and slots of the coming days: of one facility, or of all."""

    facility: ShortText | None = None
    horizon_days: int = Field(30, ge=1, le=365)
