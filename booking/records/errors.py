"""Why what is held about a person cannot be erased yet."""

from booking.errors import Conflict


class VisitsRemain(Conflict):
    """A visit is still to come: it is given up first."""

    code = "visits_remain"


class PeopleRemain(Conflict):
    """Somebody is in the account's list still: each is erased or taken off first."""

    code = "people_remain"
