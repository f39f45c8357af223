"""Texts: number and contents go first; that one was sent, and when, stays as the register of what left us."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages.channel.models import SmsReconciliation
from booking.messages.kinds import MessageState
from booking.messages.models import CONTENTS, Message, MessageReceipt, ReminderFamily
from booking.trail.forgetting import BATCH, remove

CONTENTS_KEPT: Final = timedelta(days=180)
"""After a text was of use: so long somebody may ask what it said, and the provider be asked what became of it."""

TEXTS_KEPT: Final = timedelta(days=730)
"""After it was written: the register of what was handed to a carrier abroad."""

RECONCILED_KEPT: Final = timedelta(days=400)
"""A year can be compared with the one before; counts only."""

_WORKING: Final = (MessageState.DUE, MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN)


async def empty_texts(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Take number and contents out of texts that were of use before CONTENTS_KEPT, the oldest first; how many."""
    old = (
        select(col(Message.id))
        .where(col(Message.useful_until) < now - CONTENTS_KEPT, text(CONTENTS))  # as the index has it
        .order_by(col(Message.useful_until))
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    emptied = update(Message).where(col(Message.id) == old.c.id)
    done: Any = await session.execute(
        emptied.values(phone="", phone_index=None, facts={}, secret=None).execution_options(synchronize_session=False)
    )
    return int(done.rowcount)


async def forget_texts(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove texts written before TEXTS_KEPT with what the carrier said of them; how many.

    Ids rise as texts are written, so the first ones of the key are the oldest and no others are looked at: a coarse
    index over when they were written wears out, because the space of removed rows is used again for new ones.
    """
    first = select(col(Message.id)).order_by(col(Message.id)).limit(most).cte("first")
    chosen = select(col(Message.id)).where(
        col(Message.id).in_(select(first.c.id)),
        col(Message.created_at) < now - TEXTS_KEPT,
        col(Message.state).not_in(_WORKING),
    )
    old = list((await session.execute(chosen.with_for_update(skip_locked=True))).scalars())
    for model in (MessageReceipt, ReminderFamily):
        hanging = delete(model).where(col(model.message_id).in_(old))
        await session.execute(hanging.execution_options(synchronize_session=False))
    return await remove(session, Message, col(Message.id).in_(old), most=most)


async def forget_reconciliations(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove comparisons with the provider's list made before RECONCILED_KEPT; how many."""
    return await remove(session, SmsReconciliation, col(SmsReconciliation.done_at) < now - RECONCILED_KEPT, most=most)
