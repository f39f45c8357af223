"""“This is not me”: whoever reads about a stranger's visit says so. A service file of appointments, beside `service`.

The visit stays: it is somebody's. Its link is revoked, nothing more about it goes to that number, and staff are told.
So it is with every other coming visit of that person of which the number is told: who reads of one reads of all.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments.changing import holder
from booking.appointments.closing.asking import is_off
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import account_of, facts_of, recipient_of
from booking.directory.models import Facility
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, SuppressedReason
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT, Notice, Recipient, stop_number
from booking.patients import numbers
from booking.patients.errors import ProfileUnknown, StaffOnly
from booking.patients.models import Account, Patient
from booking.patients.rules import Phone
from booking.sealed import keys
from booking.trail.service import record


async def not_me(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> None:
    """Unhook the number that was told of this visit from the person it was made for; saying it again changes nothing.

    Args:
        session: of the caller's transaction.
        code: of the visit.
        token: opens it, or opened it until it was said.
        by: who asks.
        now: the moment of the request, UTC.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
    """
    visit, others = await _with_others(session, code, now=now)
    if visit is None or visit.patient_id is None:
        raise AppointmentUnknown
    if not keys().token_fits(token, str(visit.public_id), visit.token_version):
        before = keys().token_fits(token, str(visit.public_id), visit.token_version - 1)
        if before and await numbers.is_disowned(session, visit.patient_id, visit.public_id):
            return
        raise AppointmentUnknown
    phone = await _told(session, visit)
    if phone is None:  # nothing was sent to anybody: who holds the paper has the paper
        raise AppointmentUnknown
    await numbers.disown(session, visit.patient_id, phone, visit=visit.public_id, by=holder(by), now=now)
    for each in (visit, *[one for one in others if await _told(session, one) == phone]):
        await stop_number(session, keys().index("phone", phone), now=now, subject_id=each.public_id)
        each.token_version += 1
        each.account_id = None
        record(session, "appointment.not_me", "appointment", each.public_id, by=holder(by), now=now)


async def _with_others(
    session: AsyncSession, code: str, *, now: datetime
) -> tuple[Appointment | None, list[Appointment]]:
    """The visit of a code, and the coming ones of the same person, all locked in the order of their rows."""
    person = select(col(Appointment.patient_id)).where(col(Appointment.code) == code).scalar_subquery()
    coming = and_(
        col(Appointment.patient_id) == person,
        col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.HELD)),
        col(Appointment.starts_at) > now,
    )
    query = select(Appointment).where(or_(col(Appointment.code) == code, coming)).order_by(col(Appointment.id))
    found = (await session.execute(query.with_for_update().execution_options(populate_existing=True))).scalars().all()
    visit = next((one for one in found if one.code == code), None)
    return visit, [one for one in found if one is not visit]


async def right_number(session: AsyncSession, patient: UUID, phone: Phone, *, by: Actor, now: datetime) -> int:
    """A desk that saw or heard the person sets her number right; her coming visits are told to it.

    Args:
        session: of the caller's transaction.
        patient: the public id.
        phone: hers from now on; it may be the one that was called wrong.
        by: who asks: staff.
        now: the moment of the request, UTC.

    Returns:
        How many visits are told anew.

    Raises:
        StaffOnly: the one who asks is no member of staff.
        ProfileUnknown: there is no such person.
    """
    if by.kind is not ActorKind.STAFF:
        raise StaffOnly
    query = select(Patient).where(col(Patient.public_id) == patient, col(Patient.erased_at).is_(None))
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise ProfileUnknown
    await _coming(session, found, now=now)  # visits are locked before people
    await session.refresh(found, with_for_update=True)
    if not await numbers.set_right(session, found, phone, by=by, now=now):
        return 0
    return await tell_anew(session, found, now=now)


async def tell_anew(session: AsyncSession, patient: Patient, *, now: datetime) -> int:
    """Confirm the coming visits of which nobody is told, or somebody at another number, to hers; how many.

    Each becomes a new version of itself, for which reminders are planned as for every other. A visit whose time is off
    is confirmed to nobody: what waits for the other number is stopped, and staff telephone her at hers.
    """
    told = 0
    for visit, facility, off in await _coming(session, patient, now=now):
        to = recipient_of(visit, patient, await account_of(session, visit))
        if to.suppressed is not None or to.phone is None or to.phone != patient.phone:
            continue
        hers, sent = keys().index("phone", to.phone), await _sent(session, visit)
        others = {one.phone_index for one in sent} - {hers}
        if off:
            for index in others - {None}:
                await stop_number(session, index or b"", now=now, subject_id=visit.public_id)
        elif others or _unheard(sent, visit):
            await _confirm(session, visit, facility, to, now=now)
            told += 1
    await session.flush()
    return told


async def _confirm(
    session: AsyncSession, visit: Appointment, facility: Facility, to: Recipient, *, now: datetime
) -> None:
    visit.version += 1
    await messages.supersede(session, visit.public_id, now=now)
    notice = Notice(
        visit.public_id, MessageKind.BOOKED, visit.version, visit.facility_id, facts_of(visit, facility.sms_name),
        due_at=now, useful_until=visit.starts_at,
    )  # fmt: skip
    await messages.write(session, [notice], to, now=now)


async def _sent(session: AsyncSession, visit: Appointment) -> Sequence[Message]:
    """Every text about what the visit is now, whatever became of it."""
    query = select(Message).where(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == visit.public_id,
        col(Message.version) == visit.version,
    )
    return (await session.execute(query)).scalars().all()


def _unheard(sent: Sequence[Message], visit: Appointment) -> bool:
    """Whether something of what the visit is now was withheld from a wrong number, or its link was revoked."""
    withheld = any(one.reason == SuppressedReason.WRONG_NUMBER.value for one in sent)
    return withheld or not any(one.facts.get("token_version") == visit.token_version for one in sent)


async def _coming(
    session: AsyncSession, patient: Patient, *, now: datetime
) -> list[tuple[Appointment, Facility, bool]]:
    """Her booked visits that are still to come, locked, and whether the time of each is off."""
    query = (
        select(Appointment, Facility, is_off())
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(
            col(Appointment.patient_id) == patient.id,
            col(Appointment.state) == AppointmentState.BOOKED,
            col(Appointment.starts_at) > now,
        )
        .order_by(col(Appointment.id))
        .with_for_update(of=Appointment)
    )
    return [(visit, facility, off) for visit, facility, off in (await session.execute(query)).all()]


async def _told(session: AsyncSession, visit: Appointment) -> str | None:
    """The number that texts about the visit went to; None where there is none."""
    account = await session.get(Account, visit.account_id) if visit.account_id is not None else None
    if account is not None and account.ended_at is None:
        return account.phone
    patient = await session.get(Patient, visit.patient_id)
    assert patient is not None
    return patient.phone
