"""Why somebody cannot wait for a place, or take one that was offered."""

from booking.errors import Conflict, NotFound, RuleBroken


class EntryUnknown(NotFound):
    """No such wait for the one who asks."""

    code = "entry_unknown"


class AlreadyWaiting(Conflict):
    """This person is on the waiting list for this service already."""

    code = "already_waiting"


class TooManyWaiting(RuleBroken):
    """An account may wait for so many places at once; `most` says how many."""

    code = "too_many_waiting"


class WindowRefused(RuleBroken):
    """The days one wants to wait for cannot be used; `reason` is order, past or long."""

    code = "window_refused"


class OfferOver(Conflict):
    """The time for which the place was kept has run out, or it was given back."""

    code = "offer_over"
