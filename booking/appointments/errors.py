"""Why a place cannot be taken, moved or given up."""

from booking.errors import Conflict, NotFound, RuleBroken, TooMany


class SlotUnknown(NotFound):
    """There is no such slot."""

    code = "slot_unknown"


class SlotMismatch(RuleBroken):
    """The slot belongs to another facility or service than the request names."""

    code = "slot_mismatch"


class SlotFull(Conflict):
    """No place is left; `nearest` lists free slots close by."""

    code = "slot_full"


class SlotClosed(Conflict):
    """The slot takes no bookings (the doctor is away, the hospital's own calendar holds the time)."""

    code = "slot_closed"


class SlotPast(RuleBroken):
    """The visit has begun, or it is too late to book it."""

    code = "slot_past"


class SlotNotReleased(RuleBroken):
    """It is too early to book this slot; `bookable_from` says from when."""

    code = "slot_not_released"


class FacilityNotOpen(Conflict):
    """The facility or the service takes no bookings now."""

    code = "facility_not_open"


class AlreadyBooked(Conflict):
    """This person already has a visit for this service that day."""

    code = "already_booked"


class AppointmentUnknown(NotFound):
    """No such appointment for the one who asks: a code alone opens nothing."""

    code = "appointment_unknown"


class HoldLapsed(Conflict):
    """The hold ended before it was confirmed; `nearest` lists free slots."""

    code = "hold_lapsed"


class TooManyHolds(TooMany):
    """Two places are held already; confirm or release one first."""

    code = "too_many_holds"


class TooManyUpcoming(Conflict):
    """As many visits ahead as one number, person or browser may have; `reason` is phone, profile or device."""

    code = "too_many_upcoming"


class JustGivenUp(Conflict):
    """The only free places are those the asker gave up a moment ago; `nearest` lists free slots."""

    code = "just_given_up"


class PartyTooLarge(RuleBroken):
    """More people at once than may be booked in one go; `most` says how many."""

    code = "party_too_large"


class SeriesUnknown(NotFound):
    """No such series of visits at this facility, or no such plan."""

    code = "series_unknown"


class TooLateToChange(RuleBroken):
    """The limit for moving or cancelling has passed; `phone` is the facility's, where known."""

    code = "too_late_to_change"


class NotChangeable(Conflict):
    """The appointment is over or was cancelled; `state` says which."""

    code = "not_changeable"


class KeyReused(RuleBroken):
    """The idempotency key was used for another request."""

    code = "key_reused"


class KeyMissing(RuleBroken):
    """Every create carries an Idempotency-Key."""

    code = "key_missing"
