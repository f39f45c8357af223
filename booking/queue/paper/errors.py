"""Why a row from paper was not entered."""

from booking.errors import Conflict, RuleBroken


class PaperTimeRefused(RuleBroken):
    """A time that cannot be; `reason` is unread, future, order or missing, `field` which of them."""

    code = "paper_time_refused"


class PaperOvertaken(Conflict):
    """Somebody entered something about this person at the desk meanwhile; `state` says where she stands now."""

    code = "paper_overtaken"


class PaperRefused(RuleBroken):
    """What is ticked does not fit: nobody waits in a day that is over, and who checked in has come."""

    code = "paper_refused"
