"""What reminders a booked visit needs: two rows for each version of it, also where a reminder is dropped."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking.appointments.closing.asking import is_asked, is_off
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import BY_FACILITY, account_of, facts_of, recipient_of
from booking.clock import ZONE
from booking.columns import none_of, state_in
from booking.directory.models import Facility, Service
from booking.messages import locking, outbox, sharing
from booking.messages import service as messages
from booking.messages.claiming import Claim
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message, ReminderFamily
from booking.messages.rules import Dropped, Planned, ReminderTimes, plan_reminders
from booking.messages.service import APPOINTMENT, Notice
from booking.patients.models import Account, Patient

AHEAD: Final = timedelta(days=3)
"""How long before a visit its reminders are written: well before the first of them is due."""

REMINDERS: Final = (MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS)
_TOLD: Final = (MessageKind.BOOKED, MessageKind.MOVED, MessageKind.MOVED_BY_FACILITY)
_ASKING: Final = (MessageKind.CHOOSE, MessageKind.CONFLICT)
"""What asks her to choose another time: true as long as she is asked, while confirmation and reminders are not."""


_HELD_MOST: Final = 10_000
_HELD: Final = timedelta(minutes=5)
_SOON: Final = timedelta(minutes=2)
"""What falls due before the next look but one is put off by so much more, until its time takes place or it is late."""


async def hold(session: AsyncSession, *, now: datetime) -> int:
    """Put off reminders that are about to go and speak of a time that does not take place; how many.

    They are not called back: where the day or the session is put back, they go. Others of their families that are due
    later are marked likewise: the one that goes for all does not count a visit that is off.
    """
    off = select(col(Appointment.id)).where(col(Appointment.public_id) == col(Message.subject_id), is_off())
    is_put_off = col(Message.reason).is_not_distinct_from(SuppressedReason.TIME_OFF.value)
    soon = col(Message.due_at) <= now + _SOON
    mine = (
        state_in([MessageState.DUE]), col(Message.kind).in_(REMINDERS), col(Message.subject_kind) == APPOINTMENT,
        or_(soon, col(Message.id).in_(_with_one_that_is_soon(now))),
    )  # fmt: skip
    stands = off.correlate(Message).exists()
    held = locking.left_alone(*mine, stands, or_(soon, ~is_put_off), most=_HELD_MOST)
    back = locking.left_alone(*mine, ~stands, is_put_off, most=_HELD_MOST)
    changed = update(Message).execution_options(synchronize_session=False).returning(col(Message.id))
    due_at = case((soon, now + _HELD), else_=col(Message.due_at))
    number = await session.execute(
        changed.where(col(Message.id) == held.c.id).values(due_at=due_at, reason=SuppressedReason.TIME_OFF.value)
    )
    await session.execute(changed.where(col(Message.id) == back.c.id).values(reason=None))
    return len(number.all())


def _with_one_that_is_soon(now: datetime) -> Select[int]:
    """The reminders that may share a text with one that is about to go."""
    other, of = aliased(Message), aliased(ReminderFamily)
    soon = (
        select(col(of.family))
        .join(other, col(other.id) == col(of.message_id))
        .where(state_in([MessageState.DUE]), col(other.due_at) <= now + _SOON)
    )
    return select(col(ReminderFamily.message_id)).where(col(ReminderFamily.family).in_(soon))


async def waiting(session: AsyncSession, *, now: datetime, most: int, without: Collection[int] = ()) -> Sequence[int]:
    """Rows of the coming visits that have no reminders for what they are now, the nearest first; not these."""
    query = select(col(Appointment.id)).where(*_wanting(now), none_of(col(Appointment.id), without))
    found = await session.scalars(query.order_by(col(Appointment.starts_at), col(Appointment.id)).limit(most))
    return [one for one in found if one is not None]


def _wanting(now: datetime) -> list[ColumnElement[bool]]:
    return [
        col(Appointment.state) == literal_column(f"'{AppointmentState.BOOKED.value}'"),  # as its index has it
        col(Appointment.starts_at) > now,
        col(Appointment.starts_at) <= now + AHEAD,
        ~_reminded(),
        ~is_off(),
    ]


async def remind(session: AsyncSession, *, now: datetime, most: int = 200, only: Collection[int] | None = None) -> int:
    """Write the reminders of coming visits that have none for what they are now; how many visits that were.

    The visits are locked, and those somebody is changing this moment are left for the next run: the rows are written
    for the version that stands, and whoever moves or cancels next finds them and calls them back.

    Args:
        session: the caller's transaction.
        now: the moment of the run.
        most: visits at most.
        only: rows of visits, as `waiting` found them; None: whichever wait.

    Raises:
        UnsealError: a number of one of them cannot be read; nothing was written for any.
    """
    chosen = () if only is None else (col(Appointment.id).in_(only),)
    query = (
        select(Appointment, Patient, Account, Facility, Service, _told_at())
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Service, col(Service.id) == col(Appointment.service_id))
        .where(*_wanting(now), *chosen)
        .order_by(col(Appointment.starts_at), col(Appointment.id))
        .limit(most)
        .with_for_update(of=Appointment, key_share=True, skip_locked=True)
    )
    found = (await session.execute(query)).all()
    for visit, patient, account, facility, service, told_at in found:
        plans = plan_reminders(visit.starts_at, told_at or visit.created_at, ZONE, times_of(service))
        notices = _notices(visit, facility.sms_name, plans, now=now)
        to = recipient_of(visit, patient, account)
        await messages.write(session, notices, to, now=now)
        await sharing.join(session, notices, to)
    return len(found)


async def wait(session: AsyncSession, claimed: Claim, *, now: datetime) -> bool:
    """Give a reminder back that is about to be posted and speaks of a time that went off since the last `hold`."""
    query = (
        select(col(Message.id))
        .join(Appointment, col(Appointment.public_id) == col(Message.subject_id))
        .where(
            col(Message.id) == claimed.id,
            col(Message.kind).in_(REMINDERS),
            col(Message.subject_kind) == APPOINTMENT,
            is_off(),
        )
    )
    off = await session.scalar(query) is not None
    if off:
        await outbox.wait(session, claimed, SuppressedReason.TIME_OFF, until=now + _HELD, now=now)
    return off


async def tell_again(session: AsyncSession, visit: Appointment, *, now: datetime) -> int:
    """Write once more what an arrival called back that is taken back now; how many texts that were.

    A text that is called back stays so, and the visit is the same version of itself: each gets another copy, due when
    it was, for whoever reads it by now. What may have been posted is not told twice. Whoever is asked to choose another
    time is asked again, as long as that is open.

    Args:
        session: the transaction that locked the visit.
        visit: booked again.
        now: the moment of the undoing.
    """
    is_hers = select(is_asked()).select_from(Appointment).where(col(Appointment.id) == visit.id)
    asked = bool(await session.scalar(is_hers))
    query = select(Message).where(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == visit.public_id,
        col(Message.version) == visit.version,
        col(Message.kind).in_(_ASKING if asked else (*_TOLD, *REMINDERS)),
    )
    rows = await session.scalars(query.order_by(col(Message.copy_number)).execution_options(populate_existing=True))
    last = {row.kind: row for row in rows}
    patient = await session.get_one(Patient, visit.patient_id)
    facility = await session.get_one(Facility, visit.facility_id)
    facts = facts_of(visit, facility.sms_name)
    notices = [
        Notice(
            visit.public_id, row.kind, visit.version, visit.facility_id, facts | _marks(row), due_at=row.due_at,
            useful_until=row.useful_until, copy=row.copy_number + 1,
        )
        for row in last.values()
        if row.state is MessageState.SUPERSEDED and row.posted_at is None and row.useful_until > now
    ]  # fmt: skip
    to = recipient_of(visit, patient, await account_of(session, visit))
    written = await messages.write(session, notices, to, now=now)
    await sharing.join(session, notices, to)
    return written


def _marks(row: Message) -> dict[str, Any]:
    """What a text says of itself beside the visit: that its reader did not ask for what it tells."""
    return {name: row.facts[name] for name in (BY_FACILITY,) if name in row.facts}


def times_of(service: Service) -> ReminderTimes:
    """When the reminders of a service go."""
    minutes = service.remind_minutes
    return ReminderTimes(service.remind_day_at, None if minutes is None else timedelta(minutes=minutes))


def _notices(
    visit: Appointment, sms_name: str, plans: Sequence[Planned | Dropped], *, now: datetime
) -> Sequence[Notice]:
    return [
        Notice(
            visit.public_id,
            plan.kind,
            visit.version,
            visit.facility_id,
            facts_of(visit, sms_name),
            due_at=plan.due_at if isinstance(plan, Planned) else now,
            useful_until=plan.expires_at if isinstance(plan, Planned) else visit.starts_at,
            suppressed=plan.reason if isinstance(plan, Dropped) else None,
        )
        for plan in plans
    ]


def _reminded() -> ColumnElement[bool]:
    """Whether this version of the visit has reminders."""
    return select(col(Message.id)).where(*_of_this_version(REMINDERS)).correlate(Appointment).exists()


def _told_at() -> ColumnElement[datetime | None]:
    """When the visit became what it is: the moment its confirmation, or the news of its last move, was written."""
    last: ColumnElement[datetime | None] = func.max(col(Message.created_at))
    told = select(last).where(
        *_of_this_version(_TOLD), col(Message.reason).is_distinct_from(SuppressedReason.UNDONE.value)
    )
    return told.correlate(Appointment).scalar_subquery()


def _of_this_version(kinds: Sequence[MessageKind]) -> list[ColumnElement[bool]]:
    return [
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == col(Appointment.public_id),
        col(Message.version) == col(Appointment.version),
        col(Message.kind).in_(kinds),
    ]
