"""The text of a slip that did not arrive for what passes goes once more, where it still concerns her.

As `appointments.told.trying` does it for visits.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.models import Appointment
from booking.clock import local_day
from booking.directory.models import Facility
from booking.invitations import calling, matching, telling
from booking.invitations.models import Invitation
from booking.messages import again
from booking.messages import service as messages
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.service import Notice

_LOST = (MessageState.FAILED, MessageState.UNDELIVERED)


async def try_again(
    session: AsyncSession, *, now: datetime, most: int = 100, only: Collection[int] | None = None
) -> int:
    """Write another text for each whose time for it has come, at most `most`; how many were written.

    The slips are locked as by whoever uses one; what somebody uses this moment is left for the next run.

    Args:
        session: the caller's transaction.
        now: the moment of the run.
        most: texts at most.
        only: rows of texts, as `again.waiting` found them; None: whichever wait.
    """
    query = (
        select(col(Message.id), Invitation)
        .join(Invitation, col(Invitation.public_id) == col(Message.subject_id))
        .where(col(Message.again_at) <= now, col(Message.subject_kind) == telling.SUBJECT, *again.among(only))
        .order_by(col(Message.again_at), col(Message.id))
        .limit(most)
        .with_for_update(of=Invitation, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    written = 0
    for message_id, slip in (await session.execute(query)).all():
        message = await session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
        if message.again_at is None or message.state not in _LOST:
            continue  # it arrived this moment
        again_at, message.again_at = message.again_at, None
        if message.useful_until > now and await _concerns(session, slip, message, now=now):
            written += await _write(session, message, again_at=again_at, now=now)
    return written


async def _concerns(session: AsyncSession, slip: Invitation, message: Message, *, now: datetime) -> bool:
    """Whether its text is still true, the slip open, nothing booked, nobody telephoned her, and her number the same."""
    usable = (
        select(Invitation.id)
        .outerjoin(Appointment, col(Appointment.id) == col(Invitation.appointment_id))
        .where(col(Invitation.id) == slip.id, matching.is_open(local_day(now)))
    )
    facts = telling.facts_of(slip, await session.get_one(Facility, slip.facility_id))
    if facts != {fact: message.facts.get(fact) for fact in facts} or await session.scalar(usable) is None:
        return False
    patient = await matching.whom(session, slip, today=local_day(now))
    if patient is None or await telling.comes(session, slip, patient) or await calling.is_settled(session, slip):
        return False
    to = await telling.reader_of(session, slip, patient, now=now)
    return to is not None and to.phone == message.phone


async def _write(session: AsyncSession, message: Message, *, again_at: datetime, now: datetime) -> int:
    last = await session.scalar(
        select(func.max(col(Message.copy_number))).where(
            col(Message.subject_kind) == message.subject_kind,
            col(Message.subject_id) == message.subject_id,
            col(Message.kind) == message.kind,
            col(Message.version) == message.version,
        )
    )
    notice = Notice(
        message.subject_id, message.kind, message.version, message.facility_id, message.facts, due_at=now,
        useful_until=message.useful_until, subject_kind=message.subject_kind, copy=(last or 0) + 1, once_more=True,
        news_at=again_at,
    )  # fmt: skip
    return await messages.write(session, [notice], messages.Recipient(message.phone, message.language), now=now)
