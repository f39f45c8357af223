"""Why what is held about a person cannot be erased yet."""

from booking.errors import Conflict


class VisitsRemain(Conflict):
    """A visit is still to come: it is given up first."""

    code = "visits_remain"
