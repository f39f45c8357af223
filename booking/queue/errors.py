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


class StillExpected(RuleBroken):
    """The booked time is not over yet; `until` says when it is."""

    code = "still_expected"


class MinutesRefused(RuleBroken):
    """A delay is a number of minutes; `most` says how many at most."""

    code = "minutes_refused"


class FormReused(Conflict):
    """The form's own name stands for another act, so this one was not done."""

    code = "form_reused"


class ActUnknown(NotFound):
    """Nothing of that kind was done at this facility lately."""

    code = "act_unknown"


class UndoTooLate(Conflict):
    """What was done more than five minutes ago stays."""

    code = "undo_too_late"


class ActOvertaken(Conflict):
    """Somebody acted since, or undid it already."""

    code = "act_overtaken"


class DisplayUnknown(NotFound):
    """The facility has no such display, or it was closed."""

    code = "display_unknown"
