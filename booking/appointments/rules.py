"""When a place may be taken, moved or given up. Pure: plain values in, a refusal or nothing out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.appointments.errors import (
    FacilityNotOpen,
    NotChangeable,
    SlotClosed,
    SlotFull,
    SlotMismatch,
    SlotNotReleased,
    SlotPast,
    TooLateToChange,
)
from booking.appointments.kinds import AppointmentState
from booking.errors import BookingError

BESIDE_HERE = timedelta(minutes=30)
BESIDE_ELSEWHERE = timedelta(minutes=60)
"""What should lie between two visits of one person: at the same facility, and on the way to another."""

HOLDS_PER_DEVICE = 2
"""A patient who is typing needs one; one more for a second tab."""


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What decides whether a slot can be booked from home; moments are UTC."""

    facility: str
    service: str
    taking: bool  # facility and service take bookings
    open: bool
    free: int  # places for patients at home, by now
    bookable_from: datetime
    bookable_until: datetime


def refusal(slot: SlotFacts, *, facility: str | None, service: str | None, now: datetime) -> BookingError | None:
    """Why no place of the slot can be taken from home at `now`; None when one can.

    Args:
        slot: the slot as it stands.
        facility: the code the request names; None where it names none.
        service: likewise.
        now: the moment of the request.
    """
    if (facility is not None and slot.facility != facility) or (service is not None and slot.service != service):
        return SlotMismatch(facility=facility, service=service)
    if not slot.taking:
        return FacilityNotOpen(facility=slot.facility)
    if now >= slot.bookable_until:
        return SlotPast()
    if now < slot.bookable_from:
        return SlotNotReleased(bookable_from=slot.bookable_from.isoformat())
    if not slot.open:
        return SlotClosed()
    return SlotFull() if slot.free < 1 else None


def check_changeable(
    state: AppointmentState, starts_at: datetime, cancel_minutes: int, *, phone: str | None, now: datetime
) -> None:
    """Whether the patient may still move or cancel by herself.

    Raises:
        NotChangeable: it is no longer booked.
        TooLateToChange: the limit before the visit has passed; the facility's telephone is named where known.
    """
    if state is not AppointmentState.BOOKED:
        raise NotChangeable(state=state.value)
    limit = starts_at - timedelta(minutes=cancel_minutes)
    if now >= limit:
        raise TooLateToChange(limit=limit.isoformat(), phone=phone)


def overlaps(one: tuple[datetime, datetime], other: tuple[datetime, datetime], *, same_place: bool) -> bool:
    """Whether two visits (start, end) of one person overlap, or lie too close to manage both."""
    between = BESIDE_HERE if same_place else BESIDE_ELSEWHERE
    return one[0] < other[1] + between and other[0] < one[1] + between
