"""Who is told of a free place next. One question for both ways: a place that was freed, and places that became free.

What must hold is asked of the entry, the person, the account and the slot in one statement. The slot is locked by the
caller; the entry's row is locked here, and one that somebody else has locked is passed over: she is being told of
another place this moment, or leaves.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, literal_column
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from booking import clock
from booking.appointments.kinds import BLOCKS_DAY
from booking.appointments.models import Appointment
from booking.appointments.waitlist.kinds import WAITS, EntryState, OfferState
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget
from booking.appointments.waitlist.rules import JUDGED_BY, OFFERS_PER_DAY, SILENCE, UNHEARD, UNHEARD_OFFERS
from booking.appointments.waitlist.serving import may_be_served
from booking.availability.models import Slot
from booking.directory.models import Facility, Service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT
from booking.patients.models import Account, Patient


class Picked(NamedTuple):
    """The next one, her entry locked."""

    entry: WaitlistEntry
    patient: Patient
    account: Account


async def first(session: AsyncSession, slot: Slot, *, now: datetime, without: Collection[int] = ()) -> Picked | None:
    """The one who has waited longest among those whom a place of this slot would help, her entry locked.

    Args:
        session: the caller's transaction, which holds the slot's lock.
        slot: of the free place.
        now: the moment of the request or the job's run.
        without: ids of entries that were tried already.
    """
    query = next_one(slot, now=now, without=without)
    locked = query.with_for_update(of=WaitlistEntry, skip_locked=True).execution_options(populate_existing=True)
    row = (await session.execute(locked)).first()
    return None if row is None else Picked(*row)


def next_one(slot: Slot, *, now: datetime, without: Collection[int]) -> Any:
    """The query for the next one, without a lock.

    Entries have the order of their ids, in which the index of targets has them: it stops at the first that fits.
    """
    query = (
        select(WaitlistEntry, Patient, Account)
        .join(WaitlistTarget, col(WaitlistTarget.entry_id) == col(WaitlistEntry.id))
        .join(Patient, col(Patient.id) == col(WaitlistEntry.patient_id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .where(col(WaitlistTarget.service_id) == slot.service_id, *may_be_told(now), *would_help(WaitlistEntry, slot))
        .order_by(col(WaitlistTarget.entry_id))
        .limit(1)
    )
    return query.where(col(WaitlistEntry.id).not_in(without)) if without else query


def may_be_told(now: datetime) -> list[ColumnElement[bool]]:
    """Whether somebody who waits may be told of a place: conditions over WaitlistEntry, Patient and Account."""
    return [waiting(), *may_be_served(now), _told_today(now) < OFFERS_PER_DAY]


def would_help(entry: Any, slot: Any) -> list[ColumnElement[bool]]:
    """Whether a place of a slot would help an entry: each a row, or the columns of one, under their own names.

    What is looked up beside them names what it does not correlate: left to itself it would join a slot two queries up.
    """
    return [
        entry.day_from <= slot.day,
        entry.day_to >= slot.day,
        ~_knows_it(entry, slot),
        ~_has_a_visit(entry, slot),
    ]


def waiting() -> ColumnElement[bool]:
    """Whether an entry waits and has no offer."""
    return and_(live(), col(WaitlistEntry.state) == EntryState.WAITING)


def live() -> ColumnElement[bool]:
    """Whether somebody is on the list, in the words of the index: only then is it used."""
    return col(WaitlistEntry.state).in_(_words(WAITS))


def _knows_it(entry: Any, slot: Any) -> ColumnElement[bool]:
    """Whether she was told of a place of this slot before, or gave one up: she is not asked twice about one time."""
    told = exists().where(col(Offer.entry_id) == entry.id, col(Offer.slot_id) == slot.id).correlate_except(Offer)
    gave_up = (
        exists()
        .where(
            col(Appointment.slot_id) == slot.id,
            col(Appointment.patient_id) == entry.patient_id,
            col(Appointment.state) == literal_column("'cancelled'"),  # as its index has it
        )
        .correlate_except(Appointment)
    )
    return told | gave_up


def _has_a_visit(entry: Any, slot: Any) -> ColumnElement[bool]:
    """Whether she has a visit for this service that day; then a place would be one too many."""
    there = exists().where(
        col(Appointment.patient_id) == entry.patient_id,
        col(Appointment.service_id) == slot.service_id,
        col(Appointment.day) == slot.day,
        col(Appointment.state).in_(_words(BLOCKS_DAY)),  # as its index has it
    )
    return there.correlate_except(Appointment)


def _told_today(now: datetime) -> ColumnElement[int]:
    """How many places an entry was told of since midnight."""
    midnight, _ = clock.day_bounds(clock.local_day(now))
    told = select(func.count()).where(col(Offer.entry_id) == col(WaitlistEntry.id), col(Offer.created_at) >= midnight)
    return told.correlate(WaitlistEntry).scalar_subquery()


async def unheard(session: AsyncSession, *, now: datetime) -> bool:
    """Whether texts about offers do not go out: the carrier is away, or has not approved their words.

    Then a place that is offered is kept for somebody who never hears of it, and after her for the next; so the list is
    silent for an hour, and places go public. One text that does not leave is one number's trouble: the last few offers
    are judged together.
    """
    waits = and_(
        col(Offer.state).in_((OfferState.LIVE, OfferState.LAPSED)),
        col(Message.state).in_((MessageState.DUE, MessageState.EXPIRED)),
        col(Message.posted_at).is_(None),
    )
    query = (
        select(waits)
        .select_from(Offer)
        .join(Appointment, col(Appointment.id) == col(Offer.appointment_id))
        .join(Message, col(Message.subject_id) == col(Appointment.public_id))
        .where(
            col(Offer.created_at).between(now - SILENCE, now - UNHEARD),
            col(Message.subject_kind) == APPOINTMENT,
            col(Message.kind) == MessageKind.OFFER,
        )
        .order_by(col(Offer.created_at).desc(), col(Offer.id).desc())
        .limit(JUDGED_BY)
    )
    return sum((await session.execute(query)).scalars()) >= UNHEARD_OFFERS


def slots_to_offer(now: datetime, conditions: list[ColumnElement[bool]]) -> Any:
    """Ids of slots with a place that would help somebody who waits, the earliest first.

    Three steps, each done once whatever the planner knows of the tables: who may be told; which slots of the services
    they wait for have a place; and which of these would help one of those.

    Args:
        now: the moment of the run.
        conditions: what makes a place of Slot, with its Service and Facility, free to book.
    """
    able = (
        select(*_columns(WaitlistEntry, "id", "patient_id", "day_from", "day_to"))
        .join(Patient, col(Patient.id) == col(WaitlistEntry.patient_id))
        .join(Account, col(Account.id) == col(WaitlistEntry.account_id))
        .where(*may_be_told(now))
        .cte("able")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    services = select(WaitlistTarget.service_id).where(col(WaitlistTarget.entry_id).in_(select(able.c.id)))
    free = (
        select(*_columns(Slot, "id", "service_id", "day", "starts_at"))
        .join(Service, col(Service.id) == col(Slot.service_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(col(Slot.service_id).in_(services), col(Slot.starts_at) > now, *conditions)
        .cte("free")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    helped = exists(
        select(able.c.id)
        .join(WaitlistTarget, col(WaitlistTarget.entry_id) == able.c.id)
        .where(col(WaitlistTarget.service_id) == free.c.service_id, *would_help(able.c, free.c))
        .correlate(free)
    )
    return select(free.c.id).where(helped).order_by(free.c.starts_at, free.c.id)


def _words(states: Collection[StrEnum]) -> list[ColumnElement[Any]]:
    """States written into the statement: a partial index is only used for what the planner can read."""
    return [literal_column(f"'{state.value}'") for state in states]


def _columns(table: type[SQLModel], *names: str) -> list[Any]:
    return [getattr(table, name) for name in names]
