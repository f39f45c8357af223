"""Texts that are not to go after all, because the person they are for withdrew her consent to messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

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
    stopped = {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.NO_CONSENT.value, "lease_until": None}
    number = 0
    for states, values in (
        ((MessageState.DUE, MessageState.CLAIMED), stopped),
        ((MessageState.UNKNOWN,), {"state": MessageState.SUPERSEDED, "called_back": True}),
    ):
        changed = await session.execute(
            update(Message)
            .where(col(Message.state).in_(states), *mine)
            .values(changed_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(changed, CursorResult)
        number += changed.rowcount
    await session.execute(
        update(Message)
        .where(col(Message.state) == MessageState.SENDING, *mine)
        .values(called_back=True)
        .execution_options(synchronize_session=False)
    )
    return number
