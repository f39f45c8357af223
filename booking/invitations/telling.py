"""The one text that tells of a slip: some days before it is due, to whom it concerns, where nothing is booked yet.

It is sent once for each slip, and where it was lost, once for each day the slip has had. Nothing is known of the person
but what matching finds now, so nobody is told who is not shown the slip on her own page; and what changes before the
text left calls it back, in the same transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, and_, any_, cast, func, or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.appointments.closing.kinds import OPEN_CALLS
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import is_wrong
from booking.clock import ZONE, at_local, local_day
from booking.columns import none_of
from booking.directory.models import Facility
from booking.invitations import matching, queries
from booking.invitations.models import Invitation, InvitationCall
from booking.messages import locking
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import Notice, Recipient
from booking.messages.withholding import withhold
from booking.patients import consents
from booking.patients.errors import PhoneRefused
from booking.patients.kinds import ConsentPurpose, Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.rules import read_phone
from booking.sealed import keys
from booking.trail.service import record

SUBJECT: Final = "invitation"
"""What these texts are about: `subject_kind`; a series of the desk's own is told by the desk (decision 42)."""

FEEDS: Final = "feed:"
"""How the source of a slip begins that came in a hospital's file."""

AHEAD: Final = timedelta(days=7)
"""So long before the day on the slip it is told: time to choose a day, and not forgotten by then."""

BY_DAY: Final = (time(8), time(20))
"""Between these it is written, local; the sender's own quiet hours hold besides."""

UNTIL: Final = time(21)
"""On the eve of the day its use ends: the paper slip says the rest."""

_NOT_READ: Final = (MessageState.FAILED, MessageState.UNDELIVERED, MessageState.EXPIRED, MessageState.SUPPRESSED)
"""A text that ended so was read by nobody: where the slip has another day since, there is that to tell."""

_VISITING: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED, AppointmentState.FULFILLED)


def is_time(now: datetime) -> bool:
    """Whether people may be told at this hour."""
    return BY_DAY[0] <= now.astimezone(ZONE).time() < BY_DAY[1]


async def waiting(session: AsyncSession, *, now: datetime, most: int, without: Collection[int] = ()) -> Sequence[int]:
    """Rows of slips that are due soon and were not told, without these; nothing on them is read."""
    query = _due(now, select(col(Invitation.id))).where(none_of(col(Invitation.id), without))
    found = await session.scalars(query.limit(most))
    return [one for one in found if one is not None]


async def tell(
    session: AsyncSession, only: Collection[int] | None = None, *, by: Actor, now: datetime, most: int = 100
) -> int:
    """Write the texts of slips that are due soon; how many were written.

    Whoever books, or reads the slip anew, locks its row as this does: a slip that is being used is left for the next
    run, and one whose text is written here is called back by whoever uses it next.

    Args:
        session: the caller's transaction.
        only: rows of slips, as `waiting` found them; None: whichever wait.
        by: the job.
        now: the moment of its run; nothing is written outside of `BY_DAY`.
        most: slips looked at.

    Raises:
        UnsealError: what one of them, or the person it concerns, holds cannot be read; nothing was written for any.
    """
    if not is_time(now):
        return 0
    chosen = () if only is None else (col(Invitation.id).in_(only),)
    query = _due(now, select(Invitation)).where(*chosen).limit(most)
    locked = query.with_for_update(of=Invitation, skip_locked=True).execution_options(populate_existing=True)
    slips = (await session.execute(locked)).scalars().all()
    told = 0
    for slip in slips:
        patient = await matching.whom(session, slip, today=local_day(now))
        if patient is None or await comes(session, slip, patient):
            continue
        reader = await reader_of(session, slip, patient, now=now)
        if reader is not None:
            told += await _write(session, slip, reader, by=by, now=now)
    return told


def _due(now: datetime, query: Any) -> Any:
    today = local_day(now)
    known = or_(
        col(Patient.citizen_id_index) == any_(col(Invitation.marks)),
        col(Patient.bhyt_index) == any_(col(Invitation.marks)),
    )
    of_this_day = col(Message.facts)["date"].astext == func.to_char(col(Invitation.due), "DD/MM")
    told = select(Message.id).where(
        col(Message.subject_kind) == SUBJECT,
        col(Message.subject_id) == col(Invitation.public_id),
        col(Message.state) != MessageState.SUPERSEDED,
        or_(col(Message.state).not_in(_NOT_READ), of_this_day),
    )
    spoken_to = select(col(InvitationCall.invitation_id)).where(
        col(InvitationCall.invitation_id) == col(Invitation.id),
        col(InvitationCall.due) == col(Invitation.due),
        col(InvitationCall.call).not_in(OPEN_CALLS),
    )
    return (
        query.outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(
            col(Invitation.source).startswith(FEEDS, autoescape=True),
            matching.is_open(today),
            col(Invitation.due) > today,
            col(Invitation.due) <= today + AHEAD,
            select(Patient.id).where(known).correlate(Invitation).exists(),
            ~told.correlate(Invitation).exists(),
            ~spoken_to.correlate(Invitation).exists(),
        )
        .order_by(col(Invitation.id))
    )


async def comes(session: AsyncSession, slip: Invitation, patient: Patient) -> bool:
    """Whether she has a visit that answers the slip, whoever booked it and when."""
    service = () if slip.service_id is None else (col(Appointment.service_id) == slip.service_id,)
    query = select(Appointment.id).where(
        col(Appointment.patient_id) == patient.id,
        col(Appointment.facility_id) == slip.facility_id,
        col(Appointment.day).between(slip.first_day, slip.last_day),
        col(Appointment.state).in_(_VISITING),
        *service,
    )
    return await session.scalar(query.limit(1)) is not None


async def reader_of(session: AsyncSession, slip: Invitation, patient: Patient, *, now: datetime) -> Recipient | None:
    """Who reads it: a number that agreed, of an account that shows the slip; where none has her, her own."""
    language = await agreed(session, patient, now=now)
    if language is None:
        return None
    phone = _mobile(await number_of(session, slip, patient, now=now), patient)
    return Recipient(phone, language) if phone is not None else None


async def agreed(session: AsyncSession, patient: Patient, *, now: datetime) -> str | None:
    """The language in which she agreed to be told of her slips; None where she did not, or does no more."""
    assert patient.id is not None
    if patient.training or patient.no_sms:
        return None
    answers = await consents.answered(session, patient.id, today=local_day(now))
    shown, texts = answers.get(ConsentPurpose.INVITATION), answers.get(ConsentPurpose.SMS)
    if shown is None or texts is None or not (shown.granted and shown.stands and texts.granted and texts.stands):
        return None
    return shown.language if shown.wording >= consents.SLIPS_TEXTED_SINCE else None


async def number_of(session: AsyncSession, slip: Invitation, patient: Patient, *, now: datetime) -> str | None:
    """Her number, whatever may be known of it: of an account that shows the slip; where none has her, her own."""
    query = (
        select(Account)
        .join(Profile, col(Profile.account_id) == col(Account.id))
        .where(
            col(Profile.patient_id) == patient.id, col(Profile.ended_at).is_(None), col(Account.ended_at).is_(None)
        )
        .order_by((col(Profile.relation) == Relation.SELF).desc(), col(Profile.id))
    )  # fmt: skip
    accounts = (await session.execute(query)).scalars().all()
    for account in accounts:
        assert account.id is not None
        views = await queries.of_account(session, account.id, today=local_day(now))
        if any(view.id == slip.public_id for view in views):
            return account.phone
    return None if accounts else patient.phone


def _mobile(phone: str | None, patient: Patient) -> str | None:
    """The number, if a text can reach it and nobody said that it is not hers."""
    if phone is None or is_wrong(phone, patient):
        return None
    try:
        return phone if read_phone(phone).mobile else None
    except PhoneRefused:
        return None


async def _write(session: AsyncSession, slip: Invitation, to: Recipient, *, by: Actor, now: datetime) -> int:
    facility = await session.get_one(Facility, slip.facility_id)
    before = await session.scalar(
        select(func.count(col(Message.id))).where(
            col(Message.subject_kind) == SUBJECT, col(Message.subject_id) == slip.public_id
        )
    )
    slip.code = slip.code or await _code(session, slip)
    facts = facts_of(slip, facility)
    eve = at_local(slip.due - timedelta(days=1), UNTIL)
    notice = Notice(
        slip.public_id, MessageKind.INVITATION, (before or 0) + 1, slip.facility_id, facts, due_at=now,
        useful_until=eve, subject_kind=SUBJECT, news_at=_first_told(slip),
    )  # fmt: skip
    await session.flush()
    written = await messages.write(session, [notice], to, now=now)
    if written:
        record(session, "invitation.tell", "invitation", slip.public_id, by=by, now=now)
    return written


def _first_told(slip: Invitation) -> datetime:
    """Since when its text may have gone. When its file was read tells nothing: after a restore it is read anew."""
    return at_local(slip.due - AHEAD, BY_DAY[0])


def facts_of(slip: Invitation, facility: Facility) -> dict[str, Any]:
    """What its text says."""
    return {"facility": facility.sms_name, "date": f"{slip.due:%d/%m}", "code": slip.code, "token_version": 1}


async def _code(session: AsyncSession, slip: Invitation) -> str:
    """The code of its link, the same whenever it is made: after a restore the link that was sent opens still.

    By far most are the first one; another slip may have that already.
    """
    each = 0
    while True:
        code = ids.booking_code(keys().index("slip code", f"{slip.public_id}:{each}"))
        if await session.scalar(select(Invitation.id).where(col(Invitation.code) == code)) is None:
            return code
        each += 1


async def call_back(session: AsyncSession, slips: Sequence[Invitation], *, now: datetime) -> None:
    """Call back the texts of slips that were used, changed or taken back, as far as they have not left."""
    await call_back_all(session, [slip.public_id for slip in slips], now=now)


async def call_back_all(session: AsyncSession, slips: Sequence[UUID], *, now: datetime) -> None:
    """Likewise by their public ids. What was lost does not go once more."""
    if slips:
        await messages.supersede_all(session, slips, now=now, subject_kind=SUBJECT)
        lost = locking.in_order(
            col(Message.subject_kind) == SUBJECT, col(Message.subject_id).in_(slips), col(Message.again_at).is_not(None)
        )
        stays = update(Message).where(col(Message.id) == lost.c.id).values(again_at=None)
        await session.execute(stays.execution_options(synchronize_session=False))


async def stop(session: AsyncSession, patient: Patient, *, now: datetime) -> None:
    """Send nothing more of what waits about a person's slips: she takes her consent back, or goes."""
    marks = [mark for mark in (patient.citizen_id_index, patient.bhyt_index) if mark is not None]
    if not marks:
        return
    hers = select(col(Invitation.public_id)).where(
        and_(
            col(Invitation.marks).overlap(cast(marks, ARRAY(LargeBinary))),  # type: ignore[attr-defined]
            col(Invitation.name_index) == matching.name_index(patient.name_folded),
        )
    )
    found = (await session.execute(hers)).scalars().all()
    await withhold(session, found, now=now, subject_kind=SUBJECT)
