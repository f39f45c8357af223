"""Why a request is not taken, or not answered."""

from booking.errors import Conflict, NotFound, RuleBroken


class RequestUnknown(NotFound):
    """No such request to this facility."""

    code = "request_unknown"


class RequestAnswered(Conflict):
    """A colleague answered it first."""

    code = "request_answered"


class RequestRefused(RuleBroken):
    """It cannot be taken or answered so: `field` is what is missing; `reason` many: too many are open."""

    code = "request_refused"
