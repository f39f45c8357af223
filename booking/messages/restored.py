"""After a restore the outbox is older than the world: what it calls due may have gone already."""

from datetime import datetime

from sqlalchemy import CursorResult, and_, case, func, null, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.columns import state_in
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.settling import UnknownReason

_OPEN = (MessageState.DUE, MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN)


async def doubt(session: AsyncSession, *, now: datetime) -> int:
    """Trust no text that should have gone by now: the provider's list decides; the number of texts doubted.

    Each becomes `unknown` as if it had been posted once, so it is settled as every such text: found in the list, or
    sent once more, or dropped when it is of no use any more. A code never goes twice: those end here. The lock on
    every row keeps a scheduler that runs meanwhile from posting one of them.
    """
    passed = and_(state_in(_OPEN), col(Message.due_at) <= now)
    code = col(Message.kind) == MessageKind.OTP
    await session.execute(
        update(Message)
        .where(passed, code)
        .values(
            state=MessageState.EXPIRED, reason=UnknownReason.NEVER_LEARNT.value, secret=null(), lease_until=null(),
            changed_at=now,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    changed = await session.execute(
        update(Message)
        .where(passed)
        .values(
            state=MessageState.UNKNOWN,
            lease_until=null(),
            due_at=now,
            posted_at=func.coalesce(col(Message.posted_at), col(Message.created_at)),
            sends=case((col(Message.sends) > 1, col(Message.sends)), else_=1),
            changed_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    return changed.rowcount
