"""Why a suspicion cannot be answered."""

from booking.errors import Conflict, NotFound, RuleBroken


class SuspicionUnknown(NotFound):
    """No such note about somebody who has anything to do with this facility."""

    code = "suspicion_unknown"


class SuspicionAnswered(Conflict):
    """Somebody answered it already, and otherwise."""

    code = "suspicion_answered"


class VerdictMissing(RuleBroken):
    """One of the answers has to be chosen."""

    code = "verdict_missing"
