"""Why something cannot be done in the queue."""

from booking.errors import Conflict, NotFound, RuleBroken


class TicketUnknown(NotFound):
    """The facility's queue has no such ticket."""

    code = "ticket_unknown"


class RoomUnknown(NotFound):
    """The facility has no such room."""

    code = "room_unknown"


class NobodyWaiting(Conflict):
    """Nobody waits in this queue."""

    code = "nobody_waiting"


class TicketMoved(Conflict):
    """The ticket's state does not allow this step; `state` says which it is."""

    code = "ticket_moved"


class AnotherDay(RuleBroken):
    """The visit is on another day; `day` says which."""

    code = "another_day"
