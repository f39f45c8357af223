"""Reads of the waiting list: through the account that waits, or through the link of an offer."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist.errors import EntryUnknown
from booking.appointments.waitlist.kinds import WAITS, EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget
from booking.appointments.waitlist.serving import consented, listed, may_be_served, may_speak_for
from booking.directory.kinds import BOOKABLE
from booking.directory.models import Facility, Service
from booking.patients.models import Account, Patient
from booking.sealed import keys


class Silence(StrEnum):
    """Why somebody who waits is told of nothing."""

    NO_SMS = "no_sms"  # she wants no messages
    WRONG_NUMBER = "wrong_number"
    NOT_LISTED = "not_listed"  # the account books for her no more
    OWN_SAY = "own_say"  # she came of age and has not agreed
    NO_CONSENT = "no_consent"  # agreement to booking was withdrawn


@dataclass(frozen=True, slots=True)
class Named:
    """A facility or a service."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class OfferView:
    """A place that is kept for her, or was.

    Attributes:
        path: the address of its page; whoever has it may take the place.
        live: whether it is kept still, by the database's clock.
    """

    path: str
    state: OfferState
    live: bool
    facility: Named
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EntryView:
    """A wait as its account sees it.

    Attributes:
        id: its public id.
        name: of the person who waits.
        ahead: how many wait longer for a place at one of the same facilities.
        silence: why she is told of nothing; None where she is.
        offer: the place that is kept for her this moment.
        past: offers that ended, the newest first.
    """

    id: UUID
    name: str
    service: Named
    facilities: tuple[Named, ...]
    day_from: date
    day_to: date
    state: EntryState
    created_at: datetime
    ahead: int
    silence: Silence | None
    offer: OfferView | None = None
    past: tuple[OfferView, ...] = field(default=())

    @property
    def waits(self) -> bool:
        """Whether she is on the list."""
        return self.state in WAITS


async def entries_of(session: AsyncSession, account_id: int, *, now: datetime) -> list[EntryView]:
    """The waits of an account: those that last first, then those that ended, each the newest first."""
    found = await _views(session, _of_account(account_id, now))
    return sorted(found, key=lambda view: not view.waits)


async def entry(session: AsyncSession, account_id: int, public_id: UUID, *, now: datetime) -> EntryView:
    """One wait of an account.

    Raises:
        EntryUnknown: the account has no such entry, whoever else may.
    """
    found = await _views(session, _of_account(account_id, now).where(col(WaitlistEntry.public_id) == public_id))
    if not found:
        raise EntryUnknown
    return found[0]


def _of_account(account_id: int, now: datetime) -> Any:
    return (
        select(WaitlistEntry, Patient, Account)
        .add_columns(listed(), may_speak_for(now), consented(now))
        .join(Patient, col(Patient.id) == col(WaitlistEntry.patient_id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .where(col(WaitlistEntry.account_id) == account_id)
        .order_by(col(WaitlistEntry.id).desc())
        .limit(50)
    )


async def _views(session: AsyncSession, query: Any) -> list[EntryView]:
    rows = (await session.execute(query)).all()
    ids = [row[0].id for row in rows]
    targets = await _targets(session, ids)
    offers = await _offers(session, ids)
    views = []
    for found, patient, account, on_list, may_speak, agreed in rows:
        services = [service for service, _ in targets[found.id]]
        told = offers.get(found.id, [])
        ahead = await _ahead(session, found, [one.id for one in services if one.id is not None])
        views.append(
            EntryView(
                id=found.public_id, name=patient.name, service=_named(services[0]),
                facilities=tuple(_named(facility) for _, facility in targets[found.id]),
                day_from=found.day_from, day_to=found.day_to, state=found.state, created_at=found.created_at,
                ahead=ahead, silence=_silence(patient, account, on_list=on_list, may_speak=may_speak, agreed=agreed),
                offer=next((one for one in told if one.live), None),
                past=tuple(one for one in told if one.state is not OfferState.LIVE),
            )
        )  # fmt: skip
    return views


def _named(thing: Facility | Service) -> Named:
    return Named(thing.code, thing.name, thing.name_en)


def _silence(patient: Patient, account: Account, *, on_list: bool, may_speak: bool, agreed: bool) -> Silence | None:
    if not on_list:
        return Silence.NOT_LISTED
    if not may_speak:
        return Silence.OWN_SAY
    if not agreed:
        return Silence.NO_CONSENT
    if patient.no_sms:
        return Silence.NO_SMS
    wrong = patient.wrong_number_at is not None and patient.phone_index == account.phone_index
    return Silence.WRONG_NUMBER if wrong else None


async def _targets(session: AsyncSession, ids: list[int]) -> dict[int, list[tuple[Service, Facility]]]:
    query = (
        select(col(WaitlistTarget.entry_id), Service, Facility)
        .join(Service, col(Service.id) == col(WaitlistTarget.service_id))
        .join(Facility, col(Facility.id) == col(Service.facility_id))
        .where(col(WaitlistTarget.entry_id).in_(ids))
        .order_by(col(WaitlistTarget.entry_id), col(Facility.sort_key))
    )
    found: dict[int, list[tuple[Service, Facility]]] = {}
    for entry_id, service, facility in await session.execute(query):
        found.setdefault(entry_id, []).append((service, facility))
    return found


async def _offers(session: AsyncSession, ids: list[int]) -> dict[int, list[OfferView]]:
    query = (
        select(Offer, Appointment, Facility, col(Offer.expires_at) > func.clock_timestamp())
        .join(Appointment, col(Appointment.id) == col(Offer.appointment_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(col(Offer.entry_id).in_(ids))
        .order_by(col(Offer.id).desc())
    )
    found: dict[int, list[OfferView]] = {}
    for offer, visit, facility, in_time in await session.execute(query):
        live = offer.state is OfferState.LIVE and bool(in_time)
        found.setdefault(offer.entry_id, []).append(_offer_view(offer, visit, facility, live=live))
    return found


def _offer_view(offer: Offer, visit: Appointment, facility: Facility, *, live: bool) -> OfferView:
    token = keys().link_token(str(visit.public_id), visit.token_version)
    return OfferView(
        path=f"/o/{visit.code}/{token}", state=offer.state, live=live, facility=_named(facility),
        starts_at=visit.starts_at, ends_at=visit.ends_at, expires_at=offer.expires_at, created_at=offer.created_at,
    )  # fmt: skip


async def _ahead(session: AsyncSession, found: WaitlistEntry, services: list[int]) -> int:
    """How many others wait longer for the same; none once she waits no longer."""
    return await ahead(session, services, before=found.id) if found.state in WAITS else 0


async def ahead(session: AsyncSession, services: list[int], *, before: int | None = None) -> int:
    """How many wait for a place of one of these services, those who joined after entry `before` left out."""
    query = (
        select(func.count(func.distinct(col(WaitlistEntry.id))))
        .join(WaitlistTarget, col(WaitlistTarget.entry_id) == col(WaitlistEntry.id))
        .where(col(WaitlistTarget.service_id).in_(services), col(WaitlistEntry.state).in_(WAITS))
    )
    if before is not None:
        query = query.where(col(WaitlistEntry.id) < before)
    return (await session.execute(query)).scalar_one()


@dataclass(frozen=True, slots=True)
class Choice:
    """A facility that has the service: one may wait for a place there."""

    facility: Named
    service_id: int
    ward: str | None


async def choices(session: AsyncSession, service_code: str) -> list[Choice]:
    """The facilities that take bookings for a service, in the order of the alphabet."""
    query = (
        select(Facility, Service.id)
        .join(Service, col(Service.facility_id) == col(Facility.id))
        .where(col(Service.code) == service_code, col(Service.bookable), col(Facility.state).in_(BOOKABLE))
        .order_by(col(Facility.sort_key))
    )
    rows = (await session.execute(query)).all()
    return [Choice(_named(facility), service, facility.ward_2025) for facility, service in rows if service is not None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page of an offer shows besides the held place itself.

    Attributes:
        state: of the offer.
        live: whether the place is kept still, by the database's clock, and may be taken for her.
        barred: it is kept, but may not be taken for her any more.
        entry: where she stands on the list.
        others: links to visits for the same service that the same account has booked on other days.
    """

    state: OfferState
    live: bool
    barred: bool
    entry: EntryState
    others: tuple[tuple[str, datetime], ...]


async def standing(session: AsyncSession, code: str, *, now: datetime) -> Standing | None:
    """How an offer stands; None where the code names no offered place. The caller has tested the link's token."""
    query = (
        select(Offer, WaitlistEntry, Appointment)
        .add_columns(col(Offer.expires_at) > func.clock_timestamp(), and_(*may_be_served(now)))
        .join(Appointment, col(Appointment.id) == col(Offer.appointment_id))
        .join(WaitlistEntry, col(WaitlistEntry.id) == col(Offer.entry_id))
        .join(Patient, col(Patient.id) == col(WaitlistEntry.patient_id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .where(col(Appointment.code) == code)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    offer, entry, visit, in_time, may_take = row
    others = await _others(session, visit, entry, now=now)
    kept = offer.state is OfferState.LIVE and bool(in_time)
    return Standing(offer.state, kept and bool(may_take), kept and not may_take, entry.state, others)


async def _others(
    session: AsyncSession, visit: Appointment, entry: WaitlistEntry, *, now: datetime
) -> tuple[tuple[str, datetime], ...]:
    """Only what the same account booked: its links went to the same number as this one."""
    query = (
        select(Appointment)
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(
            col(Appointment.patient_id) == visit.patient_id,
            col(Appointment.account_id) == entry.account_id,
            col(Appointment.state) == AppointmentState.BOOKED,
            col(Appointment.starts_at) > now,
            col(Appointment.id) != visit.id,
            col(Service.code) == entry.service_code,
        )
        .order_by(col(Appointment.starts_at))
    )
    found = (await session.execute(query)).scalars()
    return tuple(
        (f"/t/{one.code}/{keys().link_token(str(one.public_id), one.token_version)}", one.starts_at) for one in found
    )
