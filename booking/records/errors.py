"""Why what is held about a person cannot be erased yet, or is not opened at a desk."""

from booking.errors import Conflict, NotAllowed


class VisitsRemain(Conflict):
    """A visit is still to come: it is given up first."""

    code = "visits_remain"


class PeopleRemain(Conflict):
    """Somebody is in the account's list still: each is erased or taken off first."""

    code = "people_remain"


class NumberElsewhere(NotAllowed):
    """The telephone of people who were never at this desk's facilities: it reads out no code for them."""

    code = "number_elsewhere"
