"""Outcomes that are unknown: settled by receipts, then by the provider's list, then by at most one second send.

A receipt moves its message by itself (`receipts`). What is still unknown after that is looked up: the provider's list
of texts to that number is compared with the rows of ours that may stand for them. Only a list that was read in full
and does not show the text lets it go a second time, and a code never goes twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.columns import state_in
from booking.messages import rules
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace
from booking.messages.preparing import body_of
from booking.sms.gateway import Listed

SENDS_MOST: Final = 2
_SKEW: Final = timedelta(minutes=1)
"""How far the provider's clock may be behind ours."""


class UnknownReason(StrEnum):
    """Why a message ends without anybody knowing whether it went."""

    NEVER_LEARNT = "outcome never learnt"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message of which we do not know whether it went.

    Attributes:
        id: of the row.
        attempts: guards against deciding about another post.
        phone: to look it up by.
        provider: who may have it; another one's list tells nothing.
        body: its text; None where it can no longer be made (a code is erased): then no list can show it.
        since: from when on it can be in the list.
    """

    id: int
    attempts: int
    provider: str | None
    phone: str = field(repr=False)
    body: str | None = field(repr=False)
    since: datetime


async def take(session: AsyncSession, *, most: int, base_url: str, now: datetime, pace: Pace) -> list[Doubt]:
    """The unknown messages whose next look has come; each is put down for the look after this one."""
    query = (
        select(Message)
        .where(state_in([MessageState.UNKNOWN]), col(Message.due_at) <= now)
        .order_by(col(Message.due_at))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    doubts = []
    for message in (await session.execute(query)).scalars():
        message.due_at = now + _next_look(message, now=now, pace=pace)
        if message.id is not None and message.phone is not None:
            since = message.created_at - _SKEW
            body = _body(message, base_url)
            doubts.append(Doubt(message.id, message.attempts, message.provider, message.phone, body, since))
    return doubts


def _next_look(message: Message, *, now: datetime, pace: Pace) -> timedelta:
    over = now > _posted(message) + pace.second_send + pace.next_look
    return pace.later_look if over else pace.next_look


async def settle(
    session: AsyncSession, doubt: Doubt, listed: Sequence[Listed] | None, *, base_url: str, now: datetime, pace: Pace
) -> MessageState | None:
    """Decide by the provider's list; None for the list where it could not be read. The new state, None to wait on."""
    query = select(Message).where(
        col(Message.id) == doubt.id, state_in([MessageState.UNKNOWN]), col(Message.attempts) == doubt.attempts
    )
    message = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if message is None:
        return None
    free = await _unclaimed(session, doubt, listed or [])
    equal = [one for one in free if one.body is not None and one.body == doubt.body]
    rank = await _claims_before(session, message, doubt.body, base_url=base_url)
    if rank < len(equal):
        mine = equal[rank]
        state = rules.receipt_state(mine.status) or MessageState.SENT
        return await _write(session, message, now=now, state=state, provider_sid=mine.sid, reason=None)
    if now >= message.useful_until:
        never = UnknownReason.NEVER_LEARNT.value
        return await _write(session, message, now=now, state=MessageState.EXPIRED, reason=never)
    readable = listed is not None and doubt.body is not None and all(one.body is not None for one in free)
    if readable and _may_go_again(message, now=now, pace=pace):
        again = MessageState.SUPERSEDED if message.called_back else MessageState.DUE
        return await _write(session, message, now=now, state=again, due_at=now, reason=None)
    return None


def _may_go_again(message: Message, *, now: datetime, pace: Pace) -> bool:
    if message.kind is MessageKind.OTP or message.sends >= SENDS_MOST:
        return False
    return now >= _posted(message) + pace.second_send


async def _unclaimed(session: AsyncSession, doubt: Doubt, listed: Sequence[Listed]) -> list[Listed]:
    """Texts of the list that no other row of ours stands for, oldest first."""
    query = select(Message.provider_sid).where(
        col(Message.provider_sid).in_([one.sid for one in listed]), col(Message.id) != doubt.id
    )
    known = set((await session.execute(query)).scalars())
    return sorted((one for one in listed if one.sid not in known), key=_created)


async def _claims_before(session: AsyncSession, message: Message, body: str | None, *, base_url: str) -> int:
    """How many other rows with this very text, posted before it, may stand for what the list shows."""
    leased = state_in([MessageState.CLAIMED, MessageState.SENDING])
    query = select(Message).where(
        or_(state_in([MessageState.UNKNOWN]), leased),
        col(Message.phone_index) == message.phone_index,
        col(Message.kind) == message.kind,
        col(Message.posted_at).is_not(None),
        col(Message.id) != message.id,
    )
    others = (await session.execute(query)).scalars()
    mine = (_posted(message), message.id or 0)
    return sum((_posted(one), one.id or 0) < mine and _body(one, base_url) == body for one in others)


async def _write(session: AsyncSession, message: Message, *, now: datetime, **values: Any) -> MessageState:
    state: MessageState = values["state"]
    await session.execute(
        update(Message)
        .where(col(Message.id) == message.id)
        .values(changed_at=now, **values)
        .execution_options(synchronize_session=False)
    )
    return state


def _body(message: Message, base_url: str) -> str | None:
    try:
        return body_of(message, base_url=base_url)
    except (LookupError, ValueError):  # one such row must not keep the others from being settled
        return None


def _posted(message: Message) -> datetime:
    return message.posted_at or message.created_at


def _created(listed: Listed) -> datetime:
    return listed.created
