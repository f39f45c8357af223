"""What staff can ask for."""

from uuid import UUID

from pydantic import Field

from booking.inputs import Command, Whole


class SendAgain(Command):
    """Send a message once more. `copy_number` is the copy this makes: pressed twice, it is the same one."""

    message: UUID
    copy_number: Whole = Field(ge=1, le=99)
    why: str = Field(max_length=200)
