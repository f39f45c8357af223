"""What one can ask of the waiting list."""

from uuid import UUID

from pydantic import Field

from booking.i18n import Language
from booking.inputs import Command, IsoDate, ShortText


class JoinWaitingList(Command):
    """Wait for a free place of a service, at one or several facilities, on one of some days."""

    profile: UUID = Field(description="who would come")
    service: ShortText
    facilities: tuple[ShortText, ...] = Field(min_length=1, max_length=30)
    day_from: IsoDate
    day_to: IsoDate
    language: Language = "vi"
