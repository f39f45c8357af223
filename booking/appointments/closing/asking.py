"""Whether somebody is asked to choose another time: then nothing reminds her of the one that is closed."""

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from booking.appointments.closing.kinds import ASKS, LIVE
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.models import Appointment


def is_asked() -> ColumnElement[bool]:
    """A condition over Appointment, for a visit that is booked."""
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
