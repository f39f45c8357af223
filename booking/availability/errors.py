"""Why the timetable cannot be as somebody wants it."""

from booking.errors import RuleBroken


class SessionRefused(RuleBroken):
    """A session with no time in it, with more places kept than it has, in the past, or one that is there already.

    `reason` says which: hours, reserved, past, days, same; `field` names the place at fault.
    """

    code = "session_refused"


class RoomOverLimit(RuleBroken):
    """The facility takes no more than `limit` visits a day in this room, and there would be `places` on `day`."""

    code = "room_over_limit"


class DayRefused(RuleBroken):
    """A day of the calendar that has passed, or a make-up day without a weekday it works as."""

    code = "day_refused"
