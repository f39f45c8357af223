"""What one can ask of the queue. Everything names its facility: whoever may act there finds nothing of another."""

from uuid import UUID

from pydantic import Field

from booking.inputs import Command, Name, ShortText, Whole
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
    name: Name | None = None
    birth_year: Whole | None = None
    phone: ShortText | None = None


class CallEmergency(Command):
    """An emergency: recorded and called at once, past every line. `ticket` is minted into the form."""

    facility: ShortText
    service: ShortText
    ticket: UUID
    room: ShortText | None = None


class CallNext(Command):
    """The next one to a room, or to the desk where no room is named.

    The line is the room's own where one is open today, else the service's.
    """

    facility: ShortText
    service: ShortText
    room: ShortText | None = None
    once: UUID | None = None


class TicketCommand(Command):
    """Something done with one ticket. `once` is minted into the form and names the act: sent again it is the same."""

    facility: ShortText
    ticket: UUID
    once: UUID | None = None


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


class ToTests(TicketCommand):
    """Sent for tests; comes back to the same queue."""


class FromTests(TicketCommand):
    """Back from tests."""


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
    """The session runs so many minutes late; 0 takes it back. `text`: those who are not here yet are told by SMS."""

    facility: ShortText
    service: ShortText
    room: ShortText | None = None
    minutes: Whole = Field(ge=0, le=600)
    text: bool = False
    once: UUID | None = None


class MarkNoShow(Command):
    """The booked time is over and the patient has not come: somebody at the desk says so, never a clock."""

    facility: ShortText
    code: ShortText
    once: UUID | None = None


class Undo(Command):
    """Take back something done in the last minutes."""

    facility: ShortText
    act: UUID


class AddDisplay(Command):
    """A television for the waiting room; of all services where none is named."""

    facility: ShortText
    name: ShortText
    services: tuple[ShortText, ...] = Field(default=(), max_length=40)
    names: bool = False


class CloseDisplay(Command):
    """That television shows nothing any more."""

    facility: ShortText
    display: UUID
