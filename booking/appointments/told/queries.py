"""Messages of a facility for its staff: a list, one of them, and how many became what on each day.

Of whatever they tell: visits, slips, and that a desk read a code out. Codes are no facility's and stand in none of
these. Days are local days of when a message went, or is to go (`messages.days`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.told.errors import MessageUnknown
from booking.appointments.told.kinds import GROUP_OF, STATES, Group
from booking.clock import ZONE, day_bounds
from booking.messages import days, sharing
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message, MessageReceipt
from booking.messages.service import APPOINTMENT
from booking.patients.models import Patient
from booking.sealed import keys
from booking.sms.gateway import Fault

A_PAGE: Final = 100

BY_STAFF: Final = "by_staff"
"""The fact of a text that staff sent once more; what goes once more by itself has none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: of these local days (both included), and what else was chosen. `phone` is E.164."""

    first: date
    last: date
    group: Group | None = None
    kind: MessageKind | None = None
    code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One message as staff see it.

    `at` is when it went, or is to go. `count` visits are told by it; one that was covered has in `by` the code of the
    visit whose message told of it. `starts_at` is the visit's time now, `state_of_visit` its state. `copy_number` is 0
    for the first, and counts what went again, because staff said so or by itself. `code` is the visit's or the slip's.
    `segments` is what all its posts cost, None where none was taken.
    """

    id: UUID
    kind: MessageKind
    state: MessageState
    reason: str | None
    error_code: int | None
    fault: Fault | None
    at: datetime
    due_at: datetime
    useful_until: datetime
    segments: int | None
    count: int
    copy_number: int
    version: int
    phone: str | None
    language: str
    visit: UUID | None
    code: str
    name: str
    patient: UUID | None
    starts_at: datetime | None
    state_of_visit: AppointmentState | None
    version_of_visit: int | None
    by: str | None = None

    @property
    def group(self) -> Group:
        """Its state in one of five words."""
        return GROUP_OF[self.state]


@dataclass(frozen=True, slots=True)
class Day:
    """How many messages of one day became what, and what they cost in segments."""

    day: date
    counts: dict[Group, int]
    segments: int

    def of(self, *groups: Group) -> int:
        """How many are in any of these groups."""
        return sum(self.counts.get(group, 0) for group in groups)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the carrier said of a message, as it came."""

    at: datetime
    status: str
    error_code: int | None


async def listed(session: AsyncSession, facility_id: int, wanted: Wanted, *, page: int = 1) -> list[Told]:
    """One page of messages, the latest first, and one more than a page where there are more."""
    query = _query(facility_id, *_chosen(wanted))
    order = (days.at().desc(), col(Message.id).desc())
    rows = (await session.execute(query.order_by(*order).offset((page - 1) * A_PAGE).limit(A_PAGE + 1))).all()
    return await _told(session, rows)


async def one(session: AsyncSession, facility_id: int, message: UUID) -> Told:
    """One message of the facility; MessageUnknown where it has none such."""
    rows = (await session.execute(_query(facility_id, col(Message.public_id) == message))).all()
    if not rows:
        raise MessageUnknown
    return (await _told(session, rows))[0]


async def row(session: AsyncSession, facility_id: int, message: UUID) -> Message:
    """Likewise, the row itself."""
    query = select(Message).where(col(Message.public_id) == message, *_of(facility_id))
    found: Message | None = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise MessageUnknown
    return found


async def copies(session: AsyncSession, message: Message) -> int:
    """The number of the last copy of a message, whoever wrote it; 0 where it was sent once only."""
    last: int | None = await session.scalar(select(func.max(col(Message.copy_number))).where(*_same(message)))
    return last or 0


async def by_staff(session: AsyncSession, message: Message) -> int:
    """How many copies of a message staff wrote."""
    theirs = col(Message.facts)[BY_STAFF].astext.is_not(None)
    return await session.scalar(select(func.count()).select_from(Message).where(*_same(message), theirs)) or 0


def _same(message: Message) -> list[ColumnElement[bool]]:
    return [
        col(Message.subject_kind) == message.subject_kind,
        col(Message.subject_id) == message.subject_id,
        col(Message.kind) == message.kind,
        col(Message.version) == message.version,
    ]


async def heard(session: AsyncSession, message: Message) -> list[Heard]:
    """What the carrier said, in the order it came."""
    query = (
        select(col(MessageReceipt.received_at), col(MessageReceipt.status), col(MessageReceipt.error_code))
        .where(col(MessageReceipt.message_id) == message.id)
        .order_by(col(MessageReceipt.id))
    )
    return [Heard(*each) for each in (await session.execute(query)).all()]


_REFUSED = and_(col(Message.state) == MessageState.FAILED, col(Message.provider_sid).is_(None))
_PAID: Final = col(Message.segments) * func.greatest(col(Message.sends) - case((_REFUSED, 1), else_=0), 0)
"""What a message cost in segments. Each post is paid for, a second one too; one that was refused at once is not."""


def _cost(message: Message) -> int | None:
    """Likewise, of a row; None where there is nothing to pay."""
    refused = message.state is MessageState.FAILED and message.provider_sid is None
    return (message.segments or 0) * max(message.sends - refused, 0) or None


async def by_day(session: AsyncSession, facility_id: int, first: date, last: date) -> list[Day]:
    """Every day of the span, also those without any message."""
    day = cast(func.timezone(str(ZONE), days.at()), Date)
    query = (
        select(day, col(Message.state), func.count(), func.coalesce(func.sum(_PAID), 0))
        .where(*_of(facility_id), *_within(first, last))
        .group_by(day, col(Message.state))
    )
    counts: dict[date, dict[Group, int]] = {}
    cost: dict[date, int] = {}
    for when, state, number, segments in (await session.execute(query)).all():
        of_day = counts.setdefault(when, {})
        of_day[GROUP_OF[state]] = of_day.get(GROUP_OF[state], 0) + number
        cost[when] = cost.get(when, 0) + (segments or 0)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Day(each, counts.get(each, {}), cost.get(each, 0)) for each in every]


def _query(facility_id: int, *more: ColumnElement[bool]) -> Any:
    of_visit = and_(col(Message.subject_kind) == APPOINTMENT, col(Appointment.public_id) == col(Message.subject_id))
    return (
        select(Message, Appointment, Patient)
        .outerjoin(Appointment, of_visit)
        .outerjoin(Patient, col(Patient.id) == col(Appointment.patient_id))
        .where(*_of(facility_id), *more)
    )


def _of(facility_id: int) -> list[ColumnElement[bool]]:
    return [col(Message.facility_id) == facility_id]


def _within(first: date, last: date) -> list[ColumnElement[bool]]:
    return days.within(day_bounds(first)[0], day_bounds(last)[1])


def _chosen(wanted: Wanted) -> list[ColumnElement[bool]]:
    made = _within(wanted.first, wanted.last)
    if wanted.group is not None:
        made.append(col(Message.state).in_(STATES[wanted.group]))
    if wanted.kind is not None:
        made.append(col(Message.kind) == wanted.kind)
    if wanted.code:
        made.append(or_(col(Appointment.code) == wanted.code, _of_slip(wanted.code)))
    if wanted.phone:
        made.append(col(Message.phone_index) == keys().index("phone", wanted.phone))
    return made


def _of_slip(code: str) -> ColumnElement[bool]:
    """A slip's own code is given with its text and stands in its facts; the slips themselves are not known here."""
    return and_(col(Message.kind) == MessageKind.INVITATION, col(Message.facts)["code"].as_string() == code)


async def _told(session: AsyncSession, rows: Sequence[Any]) -> list[Told]:
    covered = [message.id for message, _, _ in rows if message.reason == "covered" and message.id is not None]
    by = await _codes(session, covered) if covered else {}
    return [_one(message, visit, patient, by.get(message.id)) for message, visit, patient in rows]


async def _codes(session: AsyncSession, covered: Sequence[int]) -> dict[int, str]:
    subjects = await sharing.covered_by(session, covered)
    query = select(col(Appointment.public_id), col(Appointment.code)).where(
        col(Appointment.public_id).in_(set(subjects.values()))
    )
    codes = {each[0]: each[1] for each in (await session.execute(query)).all()}
    return {message: codes.get(subject, "") for message, subject in subjects.items()}


def _one(message: Message, visit: Appointment | None, patient: Patient | None, by: str | None) -> Told:
    return Told(
        id=message.public_id, kind=message.kind, state=message.state, reason=message.reason,
        error_code=message.error_code, fault=message.fault, at=days.at_of(message),
        due_at=message.due_at, useful_until=message.useful_until, segments=_cost(message),
        count=int(message.facts.get("count", 1)), copy_number=message.copy_number, version=message.version,
        phone=message.phone, language=message.language, visit=visit.public_id if visit else None,
        code=str(message.facts.get("code", visit.code if visit else "")), name=patient.name if patient else "",
        patient=patient.public_id if patient else None, starts_at=visit.starts_at if visit else None,
        state_of_visit=visit.state if visit else None, version_of_visit=visit.version if visit else None, by=by,
    )  # fmt: skip
