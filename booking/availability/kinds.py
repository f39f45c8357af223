"""What a day of the calendar may be."""

from enum import StrEnum


class DayKind(StrEnum):
    """How a day differs from what its weekday says."""

    HOLIDAY = "holiday"
    SUBSTITUTED_DAY_OFF = "substituted_day_off"
    MAKE_UP_WORKING_DAY = "make_up_working_day"
    LOCAL_CLOSURE = "local_closure"
    OPEN_ALL_THE_SAME = "open_all_the_same"  # this facility works on a day that is off for all


class NothingFree(StrEnum):
    """Why a service has no free place on a day."""

    PAUSED = "paused"  # the facility, or this service of it, takes no bookings for the time being
    PAST = "past"
    OFF = "off"  # a holiday or a closure, which has a name
    LATER = "later"  # not released yet
    FULL = "full"
    CLOSED = "closed"  # the sessions of the day were closed
    OVER = "over"  # too late to book for this day
    NO_SESSION = "no_session"  # the service has no session on such a day
