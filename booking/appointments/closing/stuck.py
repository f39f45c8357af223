"""Visits of a closing that the job does not get through, so that somebody sees to them by hand. Reads only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing import applying, queries
from booking.appointments.closing.kinds import WORKING, ClosingState
from booking.appointments.closing.models import ClosingVisit
from booking.appointments.models import Appointment
from booking.directory.models import Facility

PATIENCE: Final = timedelta(minutes=10)
"""All facilities with thousands of visits take a few minutes; whoever is left after this is left for a reason."""


async def stuck(
    session: AsyncSession, closing: UUID, facility_id: int | None, *, now: datetime
) -> Sequence[tuple[str, str]]:
    """(code of the facility, code of the visit) of those still left, the earliest first; empty while there is time.

    Args:
        session: of the caller's transaction.
        closing: its public id.
        facility_id: whose visits; None for all of a closing of the city.
        now: the moment of the request, UTC.

    Raises:
        ClosingUnknown: there is no such closing for the one who asks.
    """
    row = await queries.row(session, closing, facility_id)
    if row.state not in WORKING or now - row.changed_at < PATIENCE:
        return []
    query = (
        select(col(Facility.code), col(Appointment.code))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    if row.state is ClosingState.APPLYING:
        query = query.where(*applying.inside(row))
    else:
        query = query.join(ClosingVisit, col(ClosingVisit.appointment_id) == col(Appointment.id)).where(
            col(ClosingVisit.closing_id) == row.id, col(ClosingVisit.undone).is_(None)
        )
    if facility_id is not None:
        query = query.where(col(Appointment.facility_id) == facility_id)
    return [(facility, code) for facility, code in (await session.execute(query)).all()]
