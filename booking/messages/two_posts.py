"""A text that was posted twice, because nobody knew of the first: which post its row stands for.

The row stands for the last post, once that has a name. The failure of the other says nothing of it; and as long as
nobody knows what became of the last, one failure settles nothing: taken for the end, a third text would follow.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages import rules
from booking.messages.kinds import MessageState
from booking.messages.models import Message, MessageReceipt
from booking.sms.gateway import Fault

_FAILURES = (MessageState.FAILED, MessageState.UNDELIVERED)
_OF_ONE_POST = (MessageState.SENT, *_FAILURES)


async def is_of_another(session: AsyncSession, message: Message, sid: str, state: MessageState) -> bool:
    """Whether what is told of the post `sid` is a failure that leaves open what became of the last post."""
    if state not in _FAILURES or message.sends <= 1 or message.provider_sid == sid:
        return False
    if message.provider_sid is not None:
        return True
    kept = await session.execute(
        select(col(MessageReceipt.status)).where(
            col(MessageReceipt.message_id) == message.id, col(MessageReceipt.provider_sid) != sid
        )
    )
    return not any(rules.receipt_state(status) in _FAILURES for status in kept.scalars())


async def named(
    session: AsyncSession, message_id: int, attempt: int, sid: str, *, now: datetime
) -> MessageState | None:
    """The answer to the last post came: the row stands for it, whatever was told of the other. None where it did not.

    Had it failed before its answer came, the row says so; whose fault that was is not kept, so it counts as unknown.
    """
    kept = await session.execute(
        select(col(MessageReceipt.status), col(MessageReceipt.error_code))
        .where(col(MessageReceipt.message_id) == message_id, col(MessageReceipt.provider_sid) == sid)
        .order_by(col(MessageReceipt.id))
    )
    state, status, code, fault = MessageState.SENT, None, None, None
    for row in kept:
        told = rules.receipt_state(row.status)
        if told in _FAILURES:
            state, status, code, fault = told, row.status, row.error_code, Fault.DOUBTFUL
    changed = await session.execute(
        update(Message)
        .where(
            col(Message.id) == message_id,
            col(Message.attempts) == attempt,
            col(Message.sends) > 1,
            col(Message.state).in_(_OF_ONE_POST),
            (col(Message.provider_sid) != sid) | (col(Message.state) == MessageState.SENT),
        )
        .values(
            state=state, provider_sid=sid, reason=status, error_code=code, fault=fault, again_at=None, lease_until=None,
            changed_at=now,
        )
        .returning(col(Message.state))
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return changed.scalar_one_or_none()
