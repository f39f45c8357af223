"""Use cases of invitations: receive, use, withdraw, lapse. Matching is a question, see `matching`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.clock import local_day
from booking.invitations import matching, rules, telling
from booking.invitations.columns import Places, columns_of
from booking.invitations.commands import ReceiveInvitation
from booking.invitations.errors import InvitationUnknown
from booking.invitations.kinds import InvitationState
from booking.invitations.models import Invitation
from booking.patients.flags import flag
from booking.patients.kinds import FlagKind
from booking.patients.models import Patient
from booking.trail.service import record


async def receive(session: AsyncSession, command: ReceiveInvitation, *, by: Actor, now: datetime) -> UUID:
    """Take in a slip; the same source and key again changes what is known of an unused one. Its public id.

    A slip that was used or withdrawn stays as it is: an old file that comes again does not open it anew. One that had
    lapsed and comes with a later last day is open again.

    Raises:
        InvitationRefused: it can concern nobody, or its days are impossible.
        NameRefused, BirthRefused: no person has such a name or birth.
        FacilityUnknown, ServiceUnknown: nothing here has this code.
    """
    today = local_day(now)
    values = await columns_of(command, Places(session), today=today)
    mine = (col(Invitation.source) == command.source, col(Invitation.source_key) == command.key)
    slip = (await session.execute(select(Invitation).where(*mine).with_for_update())).scalar_one_or_none()
    if slip is None:
        slip = Invitation(
            public_id=ids.public_id(), source=command.source, source_key=command.key, received_at=now, changed_at=now,
            state=InvitationState.LAPSED if values["last_day"] < today else InvitationState.OPEN, **values,
        )  # fmt: skip
        session.add(slip)
        await session.flush()
        record(session, "invitation.receive", "invitation", slip.public_id, by=by, now=now, source=command.source)
        return slip.public_id
    if slip.state in (InvitationState.OPEN, InvitationState.LAPSED):
        changed = sorted(column for column, value in values.items() if getattr(slip, column) != value)
        for column in changed:
            setattr(slip, column, values[column])
        slip.state = InvitationState.LAPSED if slip.last_day < today else InvitationState.OPEN
        if changed:
            slip.changed_at = now
            await telling.call_back(session, [slip], now=now)
            record(session, "invitation.change", "invitation", slip.public_id, by=by, now=now, changed=changed)
        await session.flush()
    return slip.public_id


async def use(session: AsyncSession, appointment: UUID, *, by: Actor, now: datetime) -> UUID | None:
    """Use the slip a visit that was just booked answers, if there is one; its public id.

    Call it in the booking's transaction, after the visit is written: both stand or neither does. (The JSON door books
    in one statement and calls it right after; `missed` finds what was lost between the two.) Again for the same
    visit it changes nothing. The visit answers a
    slip of its patient for the facility, for the service where the slip names one, on a day of the slip's window. Two
    visits never use one slip: its row is locked, and whoever comes second finds it used. One visit uses one slip.

    Raises:
        AppointmentUnknown: there is no such visit.
    """
    row = (
        await session.execute(
            select(Appointment, Patient)
            .join(Patient, col(Patient.id) == col(Appointment.patient_id))
            .where(col(Appointment.public_id) == appointment)
        )
    ).first()
    if row is None:
        raise AppointmentUnknown
    visit, patient = row
    if visit.state is not AppointmentState.BOOKED:
        return None  # given up meanwhile, and the form came once more
    if await session.scalar(select(Invitation.id).where(col(Invitation.appointment_id) == visit.id)) is not None:
        return None  # it has one, and the form came twice
    for slip in await matching.of_patient(session, patient, today=local_day(now), lock=True):
        days = rules.Window(slip.first_day, slip.last_day)
        if slip.facility_id == visit.facility_id and slip.service_id in (None, visit.service_id):
            if not days.covers(local_day(visit.starts_at)):
                continue
            slip.state, slip.appointment_id, slip.changed_at = InvitationState.USED, visit.id, now
            record(session, "invitation.use", "invitation", slip.public_id, by=by, now=now, visit=str(appointment))
            await session.flush()
            await telling.call_back(session, [slip], now=now)
            return slip.public_id
    return None


async def missed(session: AsyncSession, *, without: Collection[int] = (), most: int = 200) -> list[int]:
    """Rows of visits that may answer an open slip they came after, by a way that did not say so; by their ids.

    Nothing sealed is read. Some stay for ever, where the slip is not the person's: see to each once in a run.
    """
    query = (
        select(col(Appointment.id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Invitation, and_(matching.known(), col(Invitation.facility_id) == col(Appointment.facility_id)))
        .where(
            col(Invitation.state) == InvitationState.OPEN,
            col(Appointment.state) == AppointmentState.BOOKED,
            col(Appointment.booked_at) >= col(Invitation.received_at),
            col(Appointment.day).between(col(Invitation.first_day), col(Invitation.last_day)),
            col(Appointment.id).not_in(without),
        )
        .distinct()
        .order_by(col(Appointment.id))
        .limit(most)
    )
    return [row for row in (await session.execute(query)).scalars() if row is not None]


async def use_missed(session: AsyncSession, visits: Sequence[int], *, by: Actor, now: datetime) -> int:
    """Use the slips that these visits answer; how many."""
    query = select(col(Appointment.public_id)).where(col(Appointment.id).in_(visits)).order_by(col(Appointment.id))
    found = (await session.execute(query)).scalars().all()
    return sum([await use(session, visit, by=by, now=now) is not None for visit in found])


async def withdraw(session: AsyncSession, source: str, key: str, *, by: Actor, now: datetime) -> None:
    """The hospital takes a slip back. One that was used stays used; withdrawing again changes nothing.

    Raises:
        InvitationUnknown: no slip came by this source under this key.
    """
    mine = (col(Invitation.source) == source, col(Invitation.source_key) == key)
    slip = (await session.execute(select(Invitation).where(*mine).with_for_update())).scalar_one_or_none()
    if slip is None:
        raise InvitationUnknown
    if slip.state in (InvitationState.OPEN, InvitationState.LAPSED):
        slip.state, slip.changed_at = InvitationState.WITHDRAWN, now
        record(session, "invitation.withdraw", "invitation", slip.public_id, by=by, now=now)
        await session.flush()
        await telling.call_back(session, [slip], now=now)


async def flag_contested(session: AsyncSession, slips: Sequence[int], *, now: datetime) -> int:
    """Show staff those of whom several claim one of these slips, which is on nobody's page meanwhile; how many."""
    claimed = await matching.contested(session, slips, today=local_day(now))
    for patient in claimed:
        await flag(session, patient, FlagKind.CHANGED_HANDS, now=now, slips=1)
    return len(claimed)


async def lapse(session: AsyncSession, *, by: Actor, now: datetime) -> int:
    """Close open slips whose last day is over; how many."""
    closed = await session.execute(
        update(Invitation)
        .where(col(Invitation.state) == InvitationState.OPEN, col(Invitation.last_day) < local_day(now))
        .values(state=InvitationState.LAPSED, changed_at=now)
        .returning(col(Invitation.public_id))
        .execution_options(synchronize_session=False)
    )
    found = closed.scalars().all()
    for public_id in found:
        record(session, "invitation.lapse", "invitation", public_id, by=by, now=now)
    await telling.call_back_all(session, found, now=now)
    return len(found)
