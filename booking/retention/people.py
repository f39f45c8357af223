"""Old visits lose their person, and people whom nobody heard of for long lose their names: what is left is counts.

A visit is not deleted, because the figures of its year count it; it is given to nobody, and so is what hangs on it.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking import ids
from booking.appointments.calling.models import VisitCall
from booking.appointments.closing.models import ClosingVisit
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment, PlaceLeft, SeriesDate, VisitSeries
from booking.appointments.waitlist.models import WaitlistEntry
from booking.clock import local_day
from booking.patients.models import Account, Patient, Profile
from booking.patients.session_models import PatientSession
from booking.queue.models import QueueTicket
from booking.queue.wish_models import NearWish
from booking.records.service import NOBODY, empty
from booking.sealed import keys
from booking.trail.forgetting import BATCH

VISITS_KEPT: Final = timedelta(days=730)
"""After the day of the visit."""

PEOPLE_KEPT: Final = timedelta(days=730)
"""After the last visit, the last time in line and the last use of an account that lists them."""

_AT_ONCE: Final = 200
"""People: each is written by itself."""

_BLOCKS: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED)
"""Of such visits a person has one a day (`appointment_day_key`), so each is given to a nobody of its own."""


async def part_visits(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Give visits of days before VISITS_KEPT to nobody; how many."""
    shared = await _nobody(session, now, "all")
    mine = select(col(Patient.id)).where(col(Patient.name) == NOBODY, col(Patient.erased_at).is_not(None))
    old = (
        select(col(Appointment.id), col(Appointment.state))
        .where(
            col(Appointment.day) < local_day(now) - VISITS_KEPT,
            col(Appointment.patient_id).is_not(None),
            or_(col(Appointment.patient_id).not_in(mine), col(Appointment.account_id).is_not(None)),
        )
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    found: list[Any] = list((await session.execute(old)).all())
    visits = [row[0] for row in found]
    for model in (NearWish, PlaceLeft, VisitCall):
        await session.execute(_quietly(delete(model).where(col(model.appointment_id).in_(visits))))
    of_visit = update(SeriesDate).where(col(SeriesDate.appointment_id).in_(visits))
    await session.execute(_quietly(of_visit.values(appointment_id=None)))
    noted = update(ClosingVisit).where(col(ClosingVisit.appointment_id).in_(visits), col(ClosingVisit.note) != "")
    await session.execute(_quietly(noted.values(note="")))
    blocking = {row[0] for row in found if row[1] in _BLOCKS}
    for visit in blocking:
        await _give(session, [visit], await _nobody(session, now, str(visit)))
    await _give(session, [visit for visit in visits if visit not in blocking], shared)
    return len(visits)


async def _give(session: AsyncSession, visits: list[int], nobody: int) -> None:
    given = update(Appointment).where(col(Appointment.id).in_(visits))
    nothing: dict[str, Any] = dict.fromkeys(("account_id", "party_id", "device", "relation", "cancel_reason"))
    revoked = col(Appointment.token_version) + 1
    await session.execute(_quietly(given.values(patient_id=nobody, token_version=revoked, **nothing)))


async def _nobody(session: AsyncSession, now: datetime, which: str) -> int:
    """The row of nobody: like a person who was erased."""
    ring = keys()
    match_key, nowhere = ring.index("person", f"nobody|{which}"), ring.index("erased", which)
    made = upsert(Patient).values(
        public_id=ids.public_id(), match_key=match_key, name=NOBODY, name_folded=NOBODY, name_sort=NOBODY,
        birth_year=0, phone_index=nowhere, phone_last4_index=nowhere, created_at=now, erased_at=now, no_sms=True,
    )  # fmt: skip
    await session.execute(made.on_conflict_do_nothing(constraint="patient_match_key"))
    row: Any = await session.execute(select(col(Patient.id)).where(col(Patient.match_key) == match_key))
    return int(row.scalar_one())


async def part_tickets(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Take the person out of tickets of days before VISITS_KEPT; how many."""
    named = or_(col(QueueTicket.patient_id).is_not(None), col(QueueTicket.priority_reason).is_not(None))
    old = (
        select(col(QueueTicket.id))
        .where(col(QueueTicket.day) < local_day(now) - VISITS_KEPT, named)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    emptied = update(QueueTicket).where(col(QueueTicket.id).in_(old)).values(patient_id=None, priority_reason=None)
    done: Any = await session.execute(_quietly(emptied))
    return int(done.rowcount)


async def forget_series(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove series whose last date is longer ago than VISITS_KEPT; how many."""
    last = (
        select(func.max(col(SeriesDate.last_day))).where(col(SeriesDate.series_id) == col(VisitSeries.id))
    ).scalar_subquery()
    chosen = select(col(VisitSeries.id)).where(
        col(VisitSeries.made_at) < now - VISITS_KEPT,
        func.coalesce(last, literal(local_day(now) - VISITS_KEPT * 2)) < local_day(now) - VISITS_KEPT,
    )
    old = list((await session.execute(chosen.limit(most).with_for_update(skip_locked=True))).scalars())
    await session.execute(_quietly(delete(SeriesDate).where(col(SeriesDate.series_id).in_(old))))
    await session.execute(_quietly(delete(VisitSeries).where(col(VisitSeries.id).in_(old))))
    return len(old)


async def empty_people(session: AsyncSession, *, now: datetime, most: int = _AT_ONCE) -> int:
    """Take the name out of people nobody heard of since PEOPLE_KEPT, and end their places in lists; how many."""
    before, kept = now - PEOPLE_KEPT, aliased(Patient)
    uses = [
        select(literal(1)).where(col(Appointment.patient_id) == col(Patient.id)),
        select(literal(1)).where(col(QueueTicket.patient_id) == col(Patient.id)),
        select(literal(1)).where(col(VisitSeries.patient_id) == col(Patient.id)),
        select(literal(1)).where(col(WaitlistEntry.patient_id) == col(Patient.id)),
        select(literal(1)).where(col(kept.id) == col(Patient.merged_into_id), col(kept.name) != NOBODY),
        select(literal(1))
        .select_from(Profile)
        .join(Account, col(Account.id) == col(Profile.account_id))
        .where(
            col(Profile.patient_id) == col(Patient.id), col(Profile.ended_at).is_(None), col(Account.seen_at) >= before
        ),
    ]
    old = select(Patient).where(
        col(Patient.created_at) < before,
        col(Patient.name) != NOBODY,
        ~col(Patient.training),
        *(~use.correlate(Patient).exists() for use in uses),
    )
    people = (await session.execute(old.limit(most).with_for_update(skip_locked=True))).scalars().all()
    for patient in people:
        empty(patient, kept=False, now=now)
        listed = update(Profile).where(col(Profile.patient_id) == patient.id, col(Profile.ended_at).is_(None))
        await session.execute(_quietly(listed.values(ended_at=now)))
    await session.flush()
    return len(people)


async def close_accounts(session: AsyncSession, *, now: datetime, most: int = _AT_ONCE) -> int:
    """Forget the number of accounts that nobody used since PEOPLE_KEPT and that list nobody; how many."""
    listed = select(literal(1)).where(col(Profile.account_id) == col(Account.id), col(Profile.ended_at).is_(None))
    booked = select(literal(1)).where(col(Appointment.account_id) == col(Account.id))
    old = select(Account).where(
        col(Account.seen_at) < now - PEOPLE_KEPT,
        col(Account.ended_at).is_(None),
        ~listed.correlate(Account).exists(),
        ~booked.correlate(Account).exists(),
    )
    accounts = (await session.execute(old.limit(most).with_for_update(skip_locked=True))).scalars().all()
    for account in accounts:
        account.phone, account.ended_at = "", now
        account.phone_index = keys().index("erased", str(account.public_id))
        open_ = update(PatientSession).where(
            col(PatientSession.account_id) == account.id, col(PatientSession.ended_at).is_(None)
        )
        await session.execute(_quietly(open_.values(ended_at=now)))
    await session.flush()
    return len(accounts)


def _quietly(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)
