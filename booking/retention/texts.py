"""Texts: number and contents go first; that one was sent, and when, stays as the register of what left us."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages.channel.models import SmsReconciliation
from booking.messages.kinds import MessageState
from booking.messages.models import Message, MessageReceipt, ReminderFamily
from booking.trail.forgetting import BATCH, remove

CONTENTS_KEPT: Final = timedelta(days=180)
"""After a text was of use: so long somebody may ask what it said, and the provider be asked what became of it."""

TEXTS_KEPT: Final = timedelta(days=730)
"""After it was written: the register of what was handed to a carrier abroad."""

RECONCILED_KEPT: Final = timedelta(days=400)
"""A year can be compared with the one before; counts only."""

_WORKING: Final = (MessageState.DUE, MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN)


async def empty_texts(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Take number and contents out of texts that were of use before CONTENTS_KEPT; how many."""
    facts = col(Message.facts) != literal({}, Message.__table__.c.facts.type)  # type: ignore[attr-defined]
    filled = or_(facts, col(Message.phone_index).is_not(None))
    old = (
        select(col(Message.id))
        .where(col(Message.useful_until) < now - CONTENTS_KEPT, col(Message.state).not_in(_WORKING), filled)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    emptied = update(Message).where(col(Message.id).in_(old))
    done: Any = await session.execute(
        emptied.values(phone="", phone_index=None, facts={}, secret=None).execution_options(synchronize_session=False)
    )
    return int(done.rowcount)


async def forget_texts(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove texts written before TEXTS_KEPT with what the carrier said of them; how many."""
    chosen = select(col(Message.id)).where(
        col(Message.created_at) < now - TEXTS_KEPT, col(Message.state).not_in(_WORKING)
    )
    old = list((await session.execute(chosen.limit(most).with_for_update(skip_locked=True))).scalars())
    for model in (MessageReceipt, ReminderFamily):
        hanging = delete(model).where(col(model.message_id).in_(old))
        await session.execute(hanging.execution_options(synchronize_session=False))
    return await remove(session, Message, col(Message.id).in_(old), most=most)


async def forget_reconciliations(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove comparisons with the provider's list made before RECONCILED_KEPT; how many."""
    return await remove(session, SmsReconciliation, col(SmsReconciliation.done_at) < now - RECONCILED_KEPT, most=most)
