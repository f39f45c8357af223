"""Reads of invitations, through the account whose people they concern."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.directory.models import Facility, Service
from booking.invitations import matching
from booking.invitations.errors import InvitationUnknown
from booking.invitations.kinds import InvitationState
from booking.invitations.models import Invitation
from booking.patients import queries as people
from booking.patients.matching import looks_after_herself
from booking.patients.models import Patient
from booking.sealed import keys


@dataclass(frozen=True, slots=True)
class InvitationView:
    """A slip as the person it concerns sees it: where and when, and what for by a code only, which leads to its days.

    What it is for is not said in words: a screen has more readers than its owner, and her paper says it. `service` is
    None where the slip names none, or one that is not booked here.
    """

    id: UUID
    profile: UUID
    name: str
    facility: str
    facility_name: str
    facility_name_en: str
    service: str | None
    due: date
    first: date
    last: date


async def of_account(session: AsyncSession, account_id: int, *, today: date) -> list[InvitationView]:
    """The open slips of an account's people, the earliest due first; none of one who has her own say."""
    views: list[InvitationView] = []
    for person in await people.profiles(session, account_id, today=today):
        if person.own_say or not (person.has_citizen_id or person.has_bhyt):
            continue
        patient = await session.get(Patient, person.patient_id)
        if patient is None or await looks_after_herself(session, patient, account_id):
            continue  # her slips are on her own page
        slips = await matching.of_patient(session, patient, today=today)
        views += [await _view(session, slip, person) for slip in slips]
    return sorted(views, key=lambda view: (view.due, view.name))


async def of_account_one(session: AsyncSession, account_id: int, public_id: UUID, *, today: date) -> InvitationView:
    """One open slip of an account's people.

    Raises:
        InvitationUnknown: none of this id concerns them, whoever else it may.
    """
    for view in await of_account(session, account_id, today=today):
        if view.id == public_id:
            return view
    raise InvitationUnknown


async def _view(session: AsyncSession, slip: Invitation, person: people.ProfileView) -> InvitationView:
    facility = (await session.execute(select(Facility).where(col(Facility.id) == slip.facility_id))).scalar_one()
    service = await session.get(Service, slip.service_id) if slip.service_id is not None else None
    return InvitationView(
        id=slip.public_id, profile=person.id, name=person.name, facility=facility.code, facility_name=facility.name,
        facility_name_en=facility.name_en, service=service.code if service is not None and service.bookable else None,
        due=slip.due, first=slip.first_day, last=slip.last_day,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LinkView:
    """A slip as its link shows it: where and when. Whose it is is not said: a text has more readers than one.

    `standing` is open, used or over; `service` as in `InvitationView`.
    """

    facility: str
    facility_name: str
    facility_name_en: str
    service: str | None
    due: date
    first: date
    last: date
    standing: str


async def of_link(session: AsyncSession, code: str, token: str, *, today: date) -> LinkView:
    """A slip by the link in the text that told of it.

    Raises:
        InvitationUnknown: there is none of this code, or this is not its link.
    """
    query = (
        select(Invitation, Facility, Appointment)
        .join(Facility, col(Facility.id) == col(Invitation.facility_id))
        .outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(col(Invitation.code) == code)
    )
    found = (await session.execute(query)).first()
    if found is None or not keys().token_fits(token, str(found[0].public_id), 1):
        raise InvitationUnknown
    slip, facility, visit = found[0], found[1], found[2]
    service = await session.get(Service, slip.service_id) if slip.service_id is not None else None
    return LinkView(
        facility=facility.code, facility_name=facility.name, facility_name_en=facility.name_en,
        service=service.code if service is not None and service.bookable else None, due=slip.due,
        first=slip.first_day, last=slip.last_day, standing=_standing(slip, visit, today),
    )  # fmt: skip


def _standing(slip: Invitation, visit: Appointment | None, today: date) -> str:
    """As `matching.is_open` has it; a slip has no visit before it was used."""
    if slip.state is InvitationState.USED and visit is not None and visit.state is not AppointmentState.CANCELLED:
        return "used"
    usable = slip.state in (InvitationState.OPEN, InvitationState.USED) and slip.last_day >= today
    return "open" if usable else "over"
