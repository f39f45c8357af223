"""What people have ahead: counted against the caps under the booking's locks, and shown beside a time they choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.caps import Caps
from booking.appointments.errors import AlreadyBooked, TooManyUpcoming
from booking.appointments.kinds import BLOCKS_DAY, AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.party import Party
from booking.appointments.rules import overlaps
from booking.clock import local_day
from booking.directory.models import Facility, Service
from booking.patients.flags import flag
from booking.patients.kinds import FlagKind
from booking.patients.models import Account, Patient
from booking.patients.queries import ProfileView
from booking.sealed import keys

MANY_PEOPLE: Final = 12
"""Different people an account may book for within MANY_DAYS before staff look at it: a large family with its elders."""
MANY_DAYS: Final = timedelta(days=30)

_COMING: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


@dataclass(frozen=True, slots=True)
class OwnVisit:
    """A visit that the account may see and open: who comes, when, where, and its ticket's address."""

    patient_id: int
    starts_at: datetime
    ends_at: datetime
    facility_code: str
    facility_name: str
    facility_name_en: str | None
    service_code: str
    service_name: str
    service_name_en: str | None
    path: str


async def check(session: AsyncSession, group: Party, account: Account, people: Sequence[ProfileView]) -> None:
    """Whether so many more visits may be booked; counted under the locks of browser, account and people.

    Raises:
        TooManyUpcoming: the number, one of the people or the browser has as many as it may.
        AlreadyBooked: one of the people has a visit for this service that day.
    """
    ids = [person.patient_id for person in people]
    await check_room(session, account, ids, device=group.device, caps=group.caps, now=group.now)
    same_day = and_(
        col(Appointment.state).in_(BLOCKS_DAY),
        col(Appointment.patient_id).in_(ids),
        col(Appointment.service_id) == group.first.service_id,
        col(Appointment.day).in_({local_day(slot.starts_at) for slot in group.slots.values()}),
    )
    if await _count(session, same_day):
        raise AlreadyBooked


async def check_room(
    session: AsyncSession,
    account: Account,
    patient_ids: Sequence[int],
    *,
    device: bytes | None,
    caps: Caps,
    now: datetime,
) -> None:
    """Whether one more visit of each of these people may lie ahead; counted under locks as `check` says.

    Raises:
        TooManyUpcoming: the number, one of the people or the browser has as many as it may.
    """
    number = len(patient_ids)
    ahead = and_(col(Appointment.state).in_(_COMING), col(Appointment.starts_at) > now)
    for patient_id in patient_ids:
        if await _count(session, ahead, col(Appointment.patient_id) == patient_id) >= caps.profile:
            raise TooManyUpcoming(reason="profile", most=caps.profile)
    of_number = select(col(Patient.id)).where(
        col(Patient.phone_index) == account.phone_index, col(Patient.wrong_number_at).is_(None)
    )
    mine = or_(col(Appointment.account_id) == account.id, col(Appointment.patient_id).in_(of_number))
    if await _count(session, ahead, mine) + number > caps.phone:
        raise TooManyUpcoming(reason="phone", most=caps.phone)
    here = col(Appointment.device) == device
    if device is not None and await _count(session, ahead, here) + number > caps.device:
        raise TooManyUpcoming(reason="device", most=caps.device)


async def _count(session: AsyncSession, *which: ColumnElement[bool]) -> int:
    return (await session.execute(select(func.count()).select_from(Appointment).where(*which))).scalar_one()


async def flag_many_people(session: AsyncSession, account: Account, patient: Patient, *, now: datetime) -> None:
    """Show an account that books for very many different people to staff: by one of them, with counts only."""
    people = func.count(func.distinct(col(Appointment.patient_id)))
    recent = [col(Appointment.account_id) == account.id, col(Appointment.booked_at) > now - MANY_DAYS]
    number = (await session.execute(select(people).where(*recent))).scalar_one()
    if number > MANY_PEOPLE:
        facts = {"account": str(account.public_id), "people": number, "days": MANY_DAYS.days}
        await flag(session, patient, FlagKind.CHANGED_HANDS, now=now, **facts)


async def own_visits(
    session: AsyncSession, account_id: int, phone: str, patient_ids: Sequence[int], day: date
) -> list[OwnVisit]:
    """Visits of these people on a day that the account may see: its own, and those of its number without an account.

    What another account booked for the same person is its own affair.
    """
    ours = or_(
        col(Appointment.account_id) == account_id,
        and_(col(Appointment.account_id).is_(None), col(Patient.phone_index) == keys().index("phone", phone)),
    )
    query = (
        select(Appointment, Facility, Service)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(
            col(Appointment.patient_id).in_(patient_ids),
            col(Appointment.day) == day,
            col(Appointment.state).in_(_COMING),
            ours,
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    return [_own(*row) for row in (await session.execute(query)).all()]


def _own(visit: Appointment, facility: Facility, service: Service) -> OwnVisit:
    assert visit.patient_id is not None
    token = keys().link_token(str(visit.public_id), visit.token_version)
    return OwnVisit(
        visit.patient_id, visit.starts_at, visit.ends_at, facility.code, facility.name, facility.name_en,
        service.code, service.name, service.name_en, f"/t/{visit.code}/{token}",
    )  # fmt: skip


def close_to(visits: Sequence[OwnVisit], starts_at: datetime, ends_at: datetime, facility_code: str) -> list[OwnVisit]:
    """Those of the visits that lie so close to a time that one may not manage both."""
    return [
        one
        for one in visits
        if overlaps((one.starts_at, one.ends_at), (starts_at, ends_at), same_place=one.facility_code == facility_code)
    ]
