"""Why times cannot be closed, or a closing not be taken back."""

from booking.errors import Conflict, NotFound, RuleBroken


class ClosingUnknown(NotFound):
    """There is no such closing for the one who asks."""

    code = "closing_unknown"


class ClosingRefused(RuleBroken):
    """The closing cannot be made so; `reason` is span, past, long, nothing, scope, answer or reason."""

    code = "closing_refused"


class TooLateToUndo(Conflict):
    """The first SMS are due, or the closing was undone or ended already."""

    code = "too_late_to_undo"


class NotAsked(Conflict):
    """Nobody asks the patient to choose another time (any more)."""

    code = "not_asked"
