"""Texts that are not to go after all, because the person they are for withdrew her consent to messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages import locking
from booking.messages.kinds import MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT


async def withhold(
    session: AsyncSession, subjects: Sequence[UUID], *, now: datetime, subject_kind: str = APPOINTMENT
) -> int:
    """Send nothing more about some visits (or what else they are); how many texts that stopped.

    What is being posted at this moment keeps its state, since only its sender knows what comes of it, and is marked so
    that no other follows; what may have been sent is not sent a second time.
    """
    mine = [col(Message.subject_kind) == subject_kind, col(Message.subject_id).in_(subjects)]
    waiting = (MessageState.DUE, MessageState.CLAIMED, MessageState.UNKNOWN, MessageState.SENDING)
    found = list(
        (await session.execute(select(col(Message.id)).where(col(Message.state).in_(waiting), *mine))).scalars()
    )
    await locking.lock(session, found)
    stopped = {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.NO_CONSENT.value, "lease_until": None}
    doubtful = {"state": MessageState.SUPERSEDED, "called_back": True}
    number = await locking.change(session, found, (MessageState.DUE, MessageState.CLAIMED), changed_at=now, **stopped)
    number += await locking.change(session, found, (MessageState.UNKNOWN,), changed_at=now, **doubtful)
    await locking.change(session, found, (MessageState.SENDING,), called_back=True)
    return number
