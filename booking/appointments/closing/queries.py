"""Reads of closings, through the scope of whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing import applying, rules
from booking.appointments.closing.errors import ClosingUnknown
from booking.appointments.closing.kinds import (
    ASKS,
    LIVE,
    OPEN_CALLS,
    WORKING,
    CallOutcome,
    ClosingAnswer,
    ClosingScope,
    ClosingState,
    UndoneAs,
    VisitFate,
)
from booking.appointments.closing.last_words import NOT_ARRIVED, is_last_word
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import to_telephone
from booking.availability.models import Session
from booking.clock import ZONE
from booking.directory.models import Facility, Practitioner, Service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.rules import is_quiet
from booking.messages.service import APPOINTMENT
from booking.patients.models import Account, Patient

_KINDS = (
    MessageKind.MOVED_BY_FACILITY, MessageKind.CANCELLED_BY_FACILITY, MessageKind.CHOOSE, MessageKind.CONFLICT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClosingView:
    """A closing as the desk sees it.

    `who` names the practitioner or the session's service, where the scope has one. `left` visits are still to be gone
    through; `fates` counts the others, `undone` what became of them when it was undone.
    """

    id: UUID
    scope: ClosingScope
    facility_id: int | None
    who: str
    who_en: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    reason_en: str
    answer: ClosingAnswer
    send_now: bool
    state: ClosingState
    expected: int
    created_at: datetime
    sms_due_at: datetime
    fates: Mapping[str, int]
    undone: Mapping[str, int]
    unreachable: int
    left: int

    @property
    def settled(self) -> int:
        """Visits gone through."""
        return sum(self.fates.values())

    @property
    def working(self) -> bool:
        """Whether the job is at it."""
        return self.state in WORKING

    @property
    def at_night(self) -> bool:
        """Whether the SMS fall due in the night: then they wait for the morning, but for early visits."""
        return not self.send_now and is_quiet(self.sms_due_at, ZONE)

    def may_undo(self, now: datetime) -> bool:
        """Whether it can be undone still."""
        return self.state in LIVE and rules.may_undo(sms_due_at=self.sms_due_at, send_now=self.send_now, now=now)

    def may_end(self, now: datetime) -> bool:
        """Whether times that lie ahead can be opened again, with everybody left where he is."""
        return self.state is ClosingState.APPLIED and self.ends_at > now and not self.may_undo(now)


def _of_scope(public_id: UUID, facility_id: int | None) -> list[ColumnElement[bool]]:
    """Its own closing; at a facility also one of all facilities."""
    mine: ColumnElement[bool] = col(Closing.facility_id).is_(None)
    if facility_id is not None:
        mine = or_(mine, col(Closing.facility_id) == facility_id)
    return [col(Closing.public_id) == public_id, mine]


async def held(session: AsyncSession, public_id: UUID, facility_id: int | None) -> Closing:
    """A facility's own closing (None: one of all facilities), its row locked; ClosingUnknown otherwise."""
    mine = col(Closing.facility_id).is_(None) if facility_id is None else col(Closing.facility_id) == facility_id
    query = select(Closing).where(col(Closing.public_id) == public_id, mine).with_for_update()
    found = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise ClosingUnknown
    return found


async def row(session: AsyncSession, public_id: UUID, facility_id: int | None) -> Closing:
    """The closing as it is seen at a facility, or by the city; ClosingUnknown when there is none."""
    found = (await session.execute(select(Closing).where(*_of_scope(public_id, facility_id)))).scalar_one_or_none()
    if found is None:
        raise ClosingUnknown
    return found


async def one(session: AsyncSession, public_id: UUID, facility_id: int | None) -> ClosingView:
    """Likewise, with its counts: at a facility those of its own visits."""
    return await _view(session, await row(session, public_id, facility_id), facility_id)


async def listed(session: AsyncSession, facility_id: int | None, *, most: int = 100) -> list[ClosingView]:
    """Closings that concern a facility, or those of all facilities; the latest first. Not those of single visits."""
    mine: ColumnElement[bool] = col(Closing.facility_id).is_(None)
    if facility_id is not None:
        mine = or_(mine, col(Closing.facility_id) == facility_id)
    times = col(Closing.scope) != ClosingScope.VISIT
    query = select(Closing).where(mine, times).order_by(col(Closing.id).desc()).limit(most)
    found = (await session.execute(query)).scalars().all()
    return [await _view(session, closing, facility_id) for closing in found]


async def _view(session: AsyncSession, closing: Closing, facility_id: int | None) -> ClosingView:
    assert closing.id is not None
    mine = [col(ClosingVisit.closing_id) == closing.id]
    if facility_id is not None:
        mine.append(col(ClosingVisit.facility_id) == facility_id)
    counted = (
        select(
            col(ClosingVisit.fate), col(ClosingVisit.undone), func.count(),
            func.count(col(ClosingVisit.unreachable)),
        )
        .where(*mine)
        .group_by(col(ClosingVisit.fate), col(ClosingVisit.undone))
    )  # fmt: skip
    fates: dict[str, int] = {}
    undone: dict[str, int] = {}
    far = 0
    for fate, back, number, out in (await session.execute(counted)).all():
        fates[VisitFate(fate).value] = fates.get(VisitFate(fate).value, 0) + number
        if back is not None:
            undone[UndoneAs(back).value] = undone.get(UndoneAs(back).value, 0) + number
        far += out
    who, who_en = await _who(session, closing)
    left = await applying.count_left(session, closing) if closing.state is ClosingState.APPLYING else 0
    return ClosingView(
        id=closing.public_id, scope=closing.scope, facility_id=closing.facility_id, who=who, who_en=who_en,
        starts_at=closing.starts_at, ends_at=closing.ends_at, reason=closing.reason, reason_en=closing.reason_en,
        answer=closing.answer, send_now=closing.send_now, state=closing.state, expected=closing.expected,
        created_at=closing.created_at, sms_due_at=closing.sms_due_at, fates=fates, undone=undone, unreachable=far,
        left=left,
    )  # fmt: skip


async def _who(session: AsyncSession, closing: Closing) -> tuple[str, str]:
    if closing.practitioner_id is not None:
        found = await session.get(Practitioner, closing.practitioner_id)
        return (found.name, found.name) if found else ("", "")
    if closing.session_id is not None:
        query = (
            select(col(Service.name), col(Service.name_en))
            .join(Session, col(Session.service_id) == col(Service.id))
            .where(col(Session.id) == closing.session_id)
        )
        named = (await session.execute(query)).one()
        return named.name, named.name_en
    return "", ""


async def by_facility(session: AsyncSession, public_id: UUID) -> list[tuple[Facility, int, int]]:
    """Of a closing of all facilities: each with its visits gone through, and those whom no SMS reaches."""
    query = (
        select(Facility, func.count(), func.count(col(ClosingVisit.unreachable)))
        .join(ClosingVisit, col(ClosingVisit.facility_id) == col(Facility.id))
        .join(Closing, col(Closing.id) == col(ClosingVisit.closing_id))
        .where(col(Closing.public_id) == public_id, col(Closing.facility_id).is_(None))
        .group_by(col(Facility.id))
        .order_by(col(Facility.sort_key))
    )
    return [(facility, visits, far) for facility, visits, far in (await session.execute(query)).all()]


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to telephone, or who was telephoned.

    `why` is here, a reason why no SMS reached her (`SuppressedReason`, or what the carrier made of it), or unanswered.
    `starts_at` is when she is to come now; None where the visit is cancelled. `asked`: she has still to choose.
    """

    visit: UUID
    patient: UUID
    name: str
    phone: str | None
    code: str
    why: str
    fate: VisitFate
    old_starts_at: datetime
    starts_at: datetime | None
    asked: bool
    call: CallOutcome
    calls: int
    called_at: datetime | None
    note: str

    @property
    def open(self) -> bool:
        """Whether somebody has still to speak to her."""
        return self.call in OPEN_CALLS


def concerned() -> ColumnElement[bool]:
    """A condition over ClosingVisit and Appointment: what the closing did stands, she came meanwhile, or is to hear."""
    undone = col(ClosingVisit.undone)
    to_hear = and_(
        undone == UndoneAs.RESTORED,
        col(ClosingVisit.fate) != VisitFate.HERE,
        col(ClosingVisit.version) == col(Appointment.version),
    )
    here = and_(undone == UndoneAs.CHANGED, col(Appointment.state) == AppointmentState.ARRIVED)
    return or_(undone.is_(None), undone == UndoneAs.STAYS, here, to_hear)


async def calls(session: AsyncSession, closing: Closing, facility_id: int, *, now: datetime) -> list[Call]:
    """Whom to speak to: those checked in already, those no SMS reached, those who have not answered in time.

    Undone, those are left who came meanwhile, and those who could not be put back and whom no SMS tells so.
    Whoever changed her visit herself has heard of it. Those still to be called come first, the earliest visit first.
    """
    on_message = and_(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == col(Appointment.public_id),
        col(Message.version) == col(ClosingVisit.version),
        col(Message.kind).in_(_KINDS),
        is_last_word(_KINDS),
    )
    same = col(Appointment.version) == col(ClosingVisit.version)
    query = (
        select(ClosingVisit, Appointment, Patient, Account, Message)
        .join(Appointment, col(Appointment.id) == col(ClosingVisit.appointment_id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Account, col(Account.id) == col(Appointment.account_id))
        .outerjoin(Message, on_message)
        .where(
            col(ClosingVisit.closing_id) == closing.id,
            col(ClosingVisit.facility_id) == facility_id,
            concerned(),
            or_(
                col(ClosingVisit.calls) > 0,
                and_(
                    same,
                    or_(
                        col(ClosingVisit.fate) == VisitFate.HERE,
                        col(ClosingVisit.undone) == UndoneAs.CHANGED,
                        col(ClosingVisit.unreachable).is_not(None),
                        col(Message.state).in_((*NOT_ARRIVED, MessageState.SUPPRESSED)),
                        and_(
                            col(ClosingVisit.fate).in_(ASKS),
                            col(ClosingVisit.answer_by) <= now,
                            col(Appointment.state) == AppointmentState.BOOKED,
                        ),
                    ),
                ),
            ),
        )
        .order_by(col(ClosingVisit.old_starts_at), col(ClosingVisit.id))
    )
    found = [_call(*each) for each in (await session.execute(query)).all()]
    return sorted(found, key=lambda call: not call.open)


def _call(
    row: ClosingVisit, visit: Appointment, patient: Patient, account: Account | None, message: Message | None
) -> Call:
    (phone, wrong), why = to_telephone(patient, account), _why(row, message)
    booked = visit.state in (AppointmentState.BOOKED, AppointmentState.ARRIVED)
    return Call(
        visit=visit.public_id, patient=patient.public_id, name=patient.name,
        phone=phone, code=visit.code,
        why="wrong_number" if wrong and why != "here" else why, fate=row.fate, old_starts_at=row.old_starts_at,
        starts_at=visit.starts_at if booked else None,
        asked=row.fate in ASKS and row.undone is None and visit.version == row.version
        and visit.state is AppointmentState.BOOKED,
        call=row.call, calls=row.calls, called_at=row.called_at, note=row.note,
    )  # fmt: skip


def _why(row: ClosingVisit, message: Message | None) -> str:
    if row.fate is VisitFate.HERE or row.undone is UndoneAs.CHANGED:
        return "here"
    if row.unreachable is not None:
        return row.unreachable
    if message is not None and message.state in (*NOT_ARRIVED, MessageState.SUPPRESSED):
        return message.reason or message.state.value if message.state is MessageState.SUPPRESSED else "not_delivered"
    return "unanswered"


@dataclass(frozen=True, slots=True)
class News:
    """What a closing did to a visit, for its holder: still true as the visit stands.

    `alone`: the facility is not closed, but this one time cannot be kept.
    """

    fate: VisitFate
    reason: str
    reason_en: str
    old_starts_at: datetime
    alone: bool = False


async def news_of(session: AsyncSession, visit: UUID) -> News | None:
    """What the facility did to a visit that nobody has changed since; None where it did nothing."""
    query = (
        select(ClosingVisit, Closing)
        .join(Closing, col(Closing.id) == col(ClosingVisit.closing_id))
        .join(Appointment, col(Appointment.id) == col(ClosingVisit.appointment_id))
        .where(
            col(Appointment.public_id) == visit,
            col(ClosingVisit.version) == col(Appointment.version),
            col(ClosingVisit.undone).is_(None) | (col(ClosingVisit.undone) == UndoneAs.STAYS),
        )
        .order_by(col(ClosingVisit.id).desc())
        .limit(1)
    )
    found = (await session.execute(query)).first()
    if found is None:
        return None
    changed, closing = found
    if changed.fate is VisitFate.HERE or (changed.fate in ASKS and closing.state not in LIVE):
        return None
    alone = closing.scope is ClosingScope.VISIT
    return News(changed.fate, closing.reason, closing.reason_en or closing.reason, changed.old_starts_at, alone)
