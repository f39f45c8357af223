"""Who did not come: whether that may be said of a visit, and how often people did not come before.

How often is seen where one books for them and where they check in. It refuses nobody.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ScalarSelect, func
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing.asking import is_off
from booking.appointments.errors import NotChangeable
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.queue.rules import check_missed

LOOK_BACK: Final = timedelta(days=365)
"""Visits missed longer ago are forgotten."""


async def check_missable(session: AsyncSession, visit: Appointment, *, now: datetime) -> None:
    """Whether it may be said that nobody came to a visit.

    Raises:
        StillExpected: its time is not over.
        NotChangeable: its time did not take place, so nobody missed it.
    """
    check_missed(visit.ends_at, now)
    if visit.state is not AppointmentState.BOOKED:
        return
    off = select_columns(col(Appointment.id)).where(col(Appointment.id) == visit.id, is_off())
    if await session.scalar(off) is not None:
        raise NotChangeable(state=visit.state.value)


async def missed_before(
    session: AsyncSession, facility: int | ScalarSelect[int], patients: Sequence[int], day: date
) -> dict[int, int]:
    """How many visits at a facility each did not come to, within a year before the day; only who missed some."""
    if not patients:
        return {}
    query = (
        select_columns(col(Appointment.patient_id), func.count())
        .where(
            col(Appointment.patient_id).in_(patients),
            col(Appointment.facility_id) == facility,
            col(Appointment.state) == AppointmentState.NOSHOW,
            col(Appointment.day) < day,
            col(Appointment.day) >= day - LOOK_BACK,
        )
        .group_by(col(Appointment.patient_id))
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    return {row[0]: row[1] for row in rows}
