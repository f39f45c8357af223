"""The day of the visit: arriving and the visit's end. Verbs the queue calls, in its transactions.

Each locks the appointment alone, FOR NO KEY UPDATE: a ticket that refers to it may be changed meanwhile. No slot is
locked: an arrival and a visit hold their place as the booking did, so nothing of the slot changes. Whoever wants more
locks takes the appointment first.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import reminding
from booking.appointments.errors import AppointmentUnknown, NotChangeable
from booking.appointments.kinds import BLOCKS_DAY, AppointmentState
from booking.appointments.models import Appointment
from booking.directory.models import Facility
from booking.messages import service as messages
from booking.trail.service import record

_MAY_BE_SHOWN = (
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.FULFILLED,
    AppointmentState.NOSHOW,
    AppointmentState.CANCELLED,
)
"""A hold is no visit yet: for the desk its code is unknown."""


async def visit_at(session: AsyncSession, code: str, *, facility: str) -> Appointment:
    """The appointment of a code at a facility, locked.

    Raises:
        AppointmentUnknown: no such code, or it is another facility's.
    """
    query = (
        select(Appointment)
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(
            col(Appointment.code) == code,
            col(Facility.code) == facility,
            col(Appointment.state).in_(_MAY_BE_SHOWN),
        )
        .with_for_update(of=Appointment, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise AppointmentUnknown
    return found


async def visit_of(session: AsyncSession, appointment_id: int) -> Appointment:
    """The appointment of an id, locked."""
    query = select(Appointment).where(col(Appointment.id) == appointment_id).with_for_update(key_share=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one()


async def arrive(session: AsyncSession, visit: Appointment, *, by: Actor, now: datetime) -> None:
    """The patient has come; again changes nothing. What was still to be sent about the visit is called back.

    Args:
        session: the transaction that locked the visit.
        visit: as `visit_at` gave it.
        by: who acts.
        now: the moment of arrival.

    Raises:
        NotChangeable: it was cancelled, or is over.
    """
    if visit.state is AppointmentState.ARRIVED:
        return
    if visit.state not in (AppointmentState.BOOKED, AppointmentState.NOSHOW):  # who is late comes all the same
        raise NotChangeable(state=visit.state.value)
    await _check_alone(session, visit)
    visit.state = AppointmentState.ARRIVED
    await session.flush()
    await messages.supersede(session, visit.public_id, now=now)
    record(session, "appointment.arrive", "appointment", visit.public_id, by=by, now=now)


async def fulfil(session: AsyncSession, visit: Appointment, *, by: Actor, now: datetime) -> None:
    """The visit has taken place; again changes nothing.

    Raises:
        NotChangeable: the patient never arrived, by what we know.
    """
    if visit.state is AppointmentState.FULFILLED:
        return
    if visit.state is not AppointmentState.ARRIVED:
        raise NotChangeable(state=visit.state.value)
    visit.state = AppointmentState.FULFILLED
    await session.flush()
    record(session, "appointment.fulfil", "appointment", visit.public_id, by=by, now=now)


async def miss(session: AsyncSession, visit: Appointment, *, by: Actor, now: datetime) -> None:
    """The patient did not come; again changes nothing. Whoever has arrived is never one who did not come.

    Raises:
        NotChangeable: she has arrived, or the visit is over.
    """
    if visit.state is AppointmentState.NOSHOW:
        return
    if visit.state is not AppointmentState.BOOKED:
        raise NotChangeable(state=visit.state.value)
    visit.state = AppointmentState.NOSHOW
    await session.flush()
    await messages.supersede(session, visit.public_id, now=now)
    record(session, "appointment.miss", "appointment", visit.public_id, by=by, now=now)


async def take_back(
    session: AsyncSession, visit: Appointment, was: AppointmentState, *, by: Actor, now: datetime
) -> None:
    """Undo an arrival, an end or a missed visit: the state it was in before. Who is still to come is told again.

    Raises:
        NotChangeable: another visit of that day stands in its way by now.
    """
    if visit.state is was:
        return
    if visit.state not in _MAY_BE_TAKEN_BACK or was not in _MAY_BE_TAKEN_BACK:
        raise NotChangeable(state=visit.state.value)
    if was in BLOCKS_DAY and visit.state not in BLOCKS_DAY:
        await _check_alone(session, visit)
    visit.state = was
    await session.flush()
    if was is AppointmentState.BOOKED:
        await reminding.tell_again(session, visit, now=now)
    record(session, "appointment.take_back", "appointment", visit.public_id, by=by, now=now, state=was.value)


_MAY_BE_TAKEN_BACK = (
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.FULFILLED,
    AppointmentState.NOSHOW,
)


async def _check_alone(session: AsyncSession, visit: Appointment) -> None:
    """A visit that did not block its day may meet another that was booked since."""
    another = select(Appointment.id).where(
        col(Appointment.patient_id) == visit.patient_id,
        col(Appointment.service_id) == visit.service_id,
        col(Appointment.day) == visit.day,
        col(Appointment.state).in_(BLOCKS_DAY),
        col(Appointment.id) != visit.id,
    )
    if visit.state not in BLOCKS_DAY and await session.scalar(another.limit(1)) is not None:
        raise NotChangeable(state=visit.state.value)
