"""Status callbacks: kept as they came, and believed forward only.

They come late, twice, out of order, and sometimes before the answer to our own post. Each is kept as a row; the
message moves only to a state that outranks the one it has (`rules.may_follow`), whatever we thought of it meanwhile.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.messages import locking, numbers, rules, two_posts
from booking.messages.channel import told
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message, MessageReceipt
from booking.messages.outbox import Pace
from booking.sms.gateway import Fault

log = logging.getLogger(__name__)

_LATER: Final = timedelta(minutes=30)
"""A telephone that was off, or a queue that was full, has another chance after so long."""

_OURS_MOST: Final = 4
"""Copies that follow a text which our configuration lost each time; between the first post and the last lie hours."""

_LEAST: Final = timedelta(minutes=2)
_OF_ITS_MINUTE: Final = (MessageKind.TURN_NEAR, MessageKind.RUNNING_LATE, MessageKind.OTP)
_NOT_ITS_OWN = (Fault.PASSING, Fault.CONFIGURATION)
_ALARMING = (Fault.CONTENT, Fault.DOUBTFUL)
_FAILURES = told.FAILURES
_ENDS = (*_FAILURES, MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider says of a message: its own name for it, a status word; where it failed a code, and whose fault.

    The gateway it came by has classed the code (`booking.sms`). A failure without any cause is one of unknown cause.
    `told_by` is the provider that says so; None for the one through which the message was posted last.
    """

    provider_sid: str
    status: str
    error_code: int | None = None
    fault: Fault | None = None
    told_by: str | None = None


async def take(session: AsyncSession, public_id: UUID, receipt: Receipt, *, now: datetime) -> bool:
    """Keep a receipt, once, and let it move its message. False when there is no such message: then nothing is kept."""
    receipt = await tell_channel(session, public_id, receipt, now=now)
    query = select(Message).where(col(Message.public_id) == public_id).with_for_update()
    # Whoever calls may have read it before it was locked.
    message = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if message is None or message.id is None:
        return False
    if not await _is_kept(session, message.id, receipt):  # replayed without end it would fill the table
        session.add(
            MessageReceipt(
                message_id=message.id, provider_sid=receipt.provider_sid, status=receipt.status,
                error_code=receipt.error_code, received_at=now,
            )
        )  # fmt: skip
    state = rules.receipt_state(receipt.status)
    if state is None or not rules.may_follow(message.state, state):
        return True
    if not await two_posts.is_of_another(session, message, receipt.provider_sid, state):
        message.state, message.lease_until, message.changed_at = state, None, now
        message.provider_sid = message.provider_sid or receipt.provider_sid
        message.error_code, message.fault = receipt.error_code, receipt.fault
        message.secret = None
        message.reason = receipt.status if state in _FAILURES else None
        await _once_more(session, message, now=now)
        await numbers.heard(session, message, now=now)
        _tell(message)
    return True


def _tell(message: Message) -> None:
    """Say in the log what was lost for its content or for what nobody knows, as of a post; what is ours holds."""
    if message.state in _FAILURES and message.fault in _ALARMING:
        facts = {
            "message_id": str(message.public_id), "provider": message.provider, "error_code": message.error_code,
            "fault": message.fault.value,
        }  # fmt: skip
        log.error("a receipt says that a text was lost", extra={"facts": facts})


async def _once_more(session: AsyncSession, message: Message, *, now: datetime) -> None:
    """Note when a text is to be tried again that failed for what passes or for what is ours; no other where it arrived.

    What is ours holds the channel, and what goes once more waits behind that. Only while it is of use. What passes is
    tried once. What is ours may be repaired late, and look repaired before: then it goes some more times, each after
    twice the wait, and in the end stays lost, for staff to see. Whether it is still true is asked then (`trying` of
    appointments and of invitations).
    """
    if message.state is MessageState.DELIVERED:
        message.again_at = None
    left = message.useful_until - now
    over = message.called_back or message.kind in _OF_ITS_MINUTE or left <= _LEAST
    if message.state not in _FAILURES or message.fault not in _NOT_ITS_OWN or over:
        return
    if not message.once_more:
        message.again_at = now + min(_LATER, left / 2)
        message.once_more = True
    elif message.fault is Fault.CONFIGURATION and await _may_follow(session, message):
        message.again_at = now + min(_LATER * 2**message.copy_number, left / 2)


async def _may_follow(session: AsyncSession, message: Message) -> bool:
    """Whether another copy of what our configuration lost may follow: none has, and there are not too many."""
    if message.again_at is not None or message.copy_number >= _OURS_MOST:
        return False
    later = select(Message.id).where(
        col(Message.subject_kind) == message.subject_kind,
        col(Message.subject_id) == message.subject_id,
        col(Message.kind) == message.kind,
        col(Message.version) == message.version,
        col(Message.copy_number) > message.copy_number,
    )
    return (await session.execute(later.limit(1))).first() is None


async def tell_channel(session: AsyncSession, public_id: UUID, receipt: Receipt, *, now: datetime) -> Receipt:
    """Let the channel learn from a receipt, before its message is locked, as senders do; the receipt as it is believed.

    Where several texts were lost to one cause nobody knows, that cause is ours: the others of them go again as well.
    """
    state = rules.receipt_state(receipt.status)
    if state in _FAILURES and receipt.fault is None:
        receipt = replace(receipt, fault=Fault.DOUBTFUL)
    query = select_columns(
        col(Message.provider), col(Message.posted_at), col(Message.phone_index), col(Message.kind),
        col(Message.facts), col(Message.language), col(Message.state), col(Message.lane),
    ).where(col(Message.public_id) == public_id)  # fmt: skip
    found = (await session.execute(query)).first()
    if state not in _ENDS or found is None or not _is_news(found, state):
        return receipt
    if receipt.told_by not in (None, found.provider):
        return receipt  # of an earlier post, through another provider: it says nothing of the one in force
    wording = told.wording_of(found.kind, found.facts, found.language)
    one = told.Told(
        found.provider, public_id, found.phone_index, wording, state, receipt.error_code, receipt.fault,
        found.posted_at, found.lane,
    )  # fmt: skip
    believed = await told.learn(session, one, held=Pace().held)
    await _also_ours(session, [each for each in believed.also if each != public_id], now=now)
    return replace(receipt, fault=believed.fault)


def _is_news(found: "Row[Any]", state: MessageState) -> bool:
    posted = None not in (found.provider, found.posted_at, found.phone_index)
    # Our configuration may be told of twice, in other words: that holds the channel whatever the message is by then.
    return posted and (rules.may_follow(found.state, state) or found.state is state)


async def _also_ours(session: AsyncSession, texts: Sequence[UUID], *, now: datetime) -> None:
    """Texts that were lost to what turns out to be ours: they go again, as others do that our configuration lost."""
    if not texts:
        return
    mine = (col(Message.public_id).in_(texts), col(Message.fault) == Fault.DOUBTFUL)
    ids = (await session.execute(select(col(Message.id)).where(*mine))).scalars().all()
    await locking.lock(session, ids)
    rows = select(Message).where(col(Message.id).in_(ids), *mine).execution_options(populate_existing=True)
    for row in (await session.execute(rows)).scalars():
        if row.state in _FAILURES:
            row.fault = Fault.CONFIGURATION
            await _once_more(session, row, now=now)
    await session.flush()


async def _is_kept(session: AsyncSession, message_id: int, receipt: Receipt) -> bool:
    """Whether this very receipt came before; its message is locked, so no second one is being kept now."""
    query = select(MessageReceipt.id).where(
        col(MessageReceipt.message_id) == message_id,
        col(MessageReceipt.provider_sid) == receipt.provider_sid,
        col(MessageReceipt.status) == receipt.status,
        col(MessageReceipt.error_code).is_not_distinct_from(receipt.error_code),
    )
    return (await session.execute(query.limit(1))).first() is not None
