"""What one can ask of the queue. Everything names its facility: whoever may act there finds nothing of another."""

from uuid import UUID

from pydantic import Field

from booking.inputs import Command, ShortText, Whole
from booking.patients.kinds import PriorityClass


class CheckIn(Command):
    """A booked patient has come: by the code of the visit."""

    facility: ShortText
    code: ShortText


class WalkIn(Command):
    """Somebody came without booking. `ticket` is minted into the form: sent twice, it makes one ticket."""

    facility: ShortText
    service: ShortText
    ticket: UUID
    room: ShortText | None = None
    priority_claimed: PriorityClass | None = None


class CallNext(Command):
    """The next one to a room, or to the desk where no room is named.

    The line is the room's own where one is open today, else the service's.
    """

    facility: ShortText
    service: ShortText
    room: ShortText | None = None


class TicketCommand(Command):
    """Something done with one ticket."""

    facility: ShortText
    ticket: UUID


class Recall(TicketCommand):
    """Call once more."""


class Enter(TicketCommand):
    """The one called is in the room."""


class Finish(TicketCommand):
    """The visit is over."""


class Skip(TicketCommand):
    """Called, and nobody came."""


class PutBack(TicketCommand):
    """Back into the line, by this moment."""


class Leave(TicketCommand):
    """Went away before the visit."""


class Transfer(TicketCommand):
    """To the line of another service or of a room; the number stays, and so does the arrival."""

    service: ShortText
    room: ShortText | None = None


class VerifyPriority(TicketCommand):
    """Staff saw a paper, or saw that there is none (None)."""

    priority: PriorityClass | None
    reason: ShortText


class OpenRoomLine(Command):
    """From now on a room has a line of its own today."""

    facility: ShortText
    service: ShortText
    room: ShortText


class SayLate(Command):
    """The session runs so many minutes late; 0 takes it back."""

    facility: ShortText
    service: ShortText
    room: ShortText | None = None
    minutes: Whole = Field(ge=0, le=600)
