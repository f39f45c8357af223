"""Reads of invitations, through the account whose people they concern."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.directory.models import Facility, Service
from booking.invitations import matching
from booking.invitations.errors import InvitationUnknown
from booking.invitations.models import Invitation
from booking.patients import queries as people
from booking.patients.matching import looks_after_herself
from booking.patients.models import Patient


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
