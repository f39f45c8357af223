"""Whether the time of a visit still takes place: if not, nothing reminds her of it, and no delay of it is told."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking.appointments.closing.kinds import ASKS, LIVE
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.models import Appointment
from booking.availability.models import Slot, SlotClosure
from booking.availability.rules import CALENDAR, NOT_PLANNED


def is_asked() -> ColumnElement[bool]:
    """A condition over Appointment, for a visit that is booked: she is asked to choose another time."""
    query = (
        select(col(ClosingVisit.id))
        .join(Closing, col(Closing.id) == col(ClosingVisit.closing_id))
        .where(
            col(ClosingVisit.appointment_id) == col(Appointment.id),
            col(ClosingVisit.version) == col(Appointment.version),
            col(ClosingVisit.fate).in_(ASKS),
            col(Closing.state).in_(LIVE),
        )
    )
    return query.correlate(Appointment).exists()


def is_off() -> ColumnElement[bool]:
    """Likewise: she is asked, a closing has shut her time and not come to her yet, or the timetable dropped it."""
    shut = select(col(SlotClosure.id)).where(
        col(SlotClosure.slot_id) == col(Appointment.slot_id), col(SlotClosure.source).startswith("closing:")
    )
    return or_(is_asked(), shut.correlate(Appointment).exists(), is_dropped())


def is_dropped() -> ColumnElement[bool]:
    """Likewise: her day is off, or no session has her time any more.

    A session that is only cut otherwise keeps the time it promised: a time of the same service that is planned
    overlaps it. A time closed because too many hold a place takes place, too.
    """
    hers, planned = aliased(Slot), aliased(Slot)
    query = select(col(hers.id)).where(
        col(hers.id) == col(Appointment.slot_id),
        _is_gone(hers),
        ~select(col(planned.id))
        .where(
            col(planned.service_id) == col(hers.service_id),
            col(planned.starts_at) < col(hers.ends_at),
            col(planned.ends_at) > col(hers.starts_at),
            ~_is_gone(planned),
        )
        .correlate(hers)
        .exists(),
    )
    return query.correlate(Appointment).exists()


def _is_gone(slot: type[Slot]) -> ColumnElement[bool]:
    reasons = or_(col(SlotClosure.source) == CALENDAR, col(SlotClosure.reason) == NOT_PLANNED.reason)
    return select(col(SlotClosure.id)).where(col(SlotClosure.slot_id) == col(slot.id), reasons).correlate(slot).exists()
