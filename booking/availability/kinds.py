"""What a day of the calendar may be."""

from enum import StrEnum


class DayKind(StrEnum):
    """How a day differs from what its weekday says."""

    HOLIDAY = "holiday"
    SUBSTITUTED_DAY_OFF = "substituted_day_off"
    MAKE_UP_WORKING_DAY = "make_up_working_day"
    LOCAL_CLOSURE = "local_closure"
    OPEN_ALL_THE_SAME = "open_all_the_same"  # this facility works on a day that is off for all
