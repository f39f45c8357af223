"""Outcomes that are unknown: settled by receipts, then by the provider's list, then by at most one second send.

A receipt moves its message by itself (`receipts`). What is still unknown after that is looked up: the provider's list
of texts to that number is compared with the rows of ours that may stand for them. What the list says of a text is a
receipt that came another way, and taken as one. Only a list that was read in full and does not show the text lets it
go a second time, and a code never goes twice.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col, select

from booking.columns import state_in
from booking.messages import receipts, rules
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace
from booking.messages.preparing import body_of
from booking.messages.receipts import Receipt
from booking.sealed import UnsealError
from booking.sms.gateway import Listed

log = logging.getLogger(__name__)

SENDS_MOST: Final = 2
_UNREAD: Final = defer(col(Message.phone))  # type: ignore[arg-type]
"""Rows are compared without their number."""

_SKEW: Final = timedelta(minutes=5)
"""How far the provider's clock may be behind ours: what is in the list and not seen there goes a second time."""

_TAKEN: Final = "accepted"
"""A text that is in the list was taken, whatever its status says in a word nobody has met."""


class UnknownReason(StrEnum):
    """Why a message ends without anybody knowing whether it went."""

    NEVER_LEARNT = "outcome never learnt"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message of which we do not know whether it went.

    Attributes:
        id: of the row.
        public_id: likewise, as receipts name it.
        attempts: guards against deciding about another post.
        phone: to look it up by.
        phone_index: its blind index.
        provider: who may have it; another one's list tells nothing.
        kind: what it tells.
        body: its text; None where it can no longer be made (a code is erased): then no list can show it.
        posted: when its last post was made.
        since: from when on it can be in the list.
    """

    id: int
    public_id: UUID
    attempts: int
    provider: str | None
    kind: MessageKind
    phone: str = field(repr=False)
    phone_index: bytes | None = field(repr=False)
    body: str | None = field(repr=False)
    posted: datetime
    since: datetime


async def take(session: AsyncSession, *, most: int, base_url: str, now: datetime, pace: Pace) -> list[Doubt]:
    """The unknown messages whose next look has come; each is put down for the look after this one.

    Of a number that cannot be read (a key is missing) nothing can be asked; it must not keep the others from it.
    """
    query = (
        select(Message)
        .options(_UNREAD)
        .where(state_in([MessageState.UNKNOWN]), col(Message.due_at) <= now)
        .order_by(col(Message.due_at))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    doubts = []
    for message in (await session.execute(query)).scalars():
        message.due_at = now + _next_look(message, now=now, pace=pace)
        phone = await _phone(session, message)
        if message.id is not None and phone is not None:
            doubts.append(
                Doubt(
                    message.id, message.public_id, message.attempts, message.provider, message.kind, phone,
                    message.phone_index, _body(message, base_url), _posted(message), _first_posted(message) - _SKEW,
                )
            )  # fmt: skip
    return doubts


async def _phone(session: AsyncSession, message: Message) -> str | None:
    try:
        return await session.scalar(select(Message.phone).where(col(Message.id) == message.id))
    except UnsealError:
        log.exception("a number cannot be read", extra={"facts": {"message_id": str(message.public_id)}})
        return None


def _next_look(message: Message, *, now: datetime, pace: Pace) -> timedelta:
    over = now > _posted(message) + pace.second_send + pace.next_look
    return pace.later_look if over else pace.next_look


def _first_posted(message: Message) -> datetime:
    """Not when it was written: a text may wait for days, and an equal one of those days is not this one.

    Of two posts only the last one's moment is known.
    """
    return _posted(message) if message.sends < SENDS_MOST else message.created_at


async def settle(
    session: AsyncSession, doubt: Doubt, listed: Sequence[Listed] | None, *, base_url: str, now: datetime, pace: Pace
) -> MessageState | None:
    """Decide by the provider's list; None for the list where it could not be read. The new state, None to wait on.

    What is found there goes the way of every receipt, with all that follows from a failure. Nothing is locked before:
    the channel comes before the text.
    """
    rows = await _rows(session, doubt, listed or [])
    if not any(_is_open(row, doubt) for row in rows):
        return None
    same = _same(rows, doubt, base_url=base_url)
    if any(row.state is MessageState.SENDING for row in same):
        return None  # the very same text is being posted for another row: what the list shows may be that one
    known = {row.provider_sid for row in rows if row.id != doubt.id}
    free = sorted((one for one in listed or [] if one.sid not in known), key=_created)
    equal = [one for one in free if one.body is not None and one.body == doubt.body]
    rank = sum(_order(row) < (doubt.posted, doubt.id) for row in same)
    if rank < len(equal):
        return await _believe(session, doubt, equal[rank], now=now)
    readable = listed is not None and doubt.body is not None and all(one.body is not None for one in free)
    return await _without_list(session, doubt, readable=readable, now=now, pace=pace)


async def _believe(session: AsyncSession, doubt: Doubt, one: Listed, *, now: datetime) -> MessageState | None:
    status = one.status if rules.receipt_state(one.status) is not None else _TAKEN
    said = Receipt(one.sid, status, one.error_code, one.fault)
    await receipts.take(session, doubt.public_id, said, now=now)
    await session.flush()
    query = select(Message).where(col(Message.id) == doubt.id)
    return (await session.execute(query)).scalar_one().state


async def _without_list(
    session: AsyncSession, doubt: Doubt, *, readable: bool, now: datetime, pace: Pace
) -> MessageState | None:
    """Decide about what no list shows, be it because none could be read."""
    query = select(Message).where(col(Message.id) == doubt.id).with_for_update()
    message = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if message is None or not _is_open(message, doubt):
        return None
    if now >= message.useful_until:
        never = UnknownReason.NEVER_LEARNT.value
        return await _write(session, message, now=now, state=MessageState.EXPIRED, reason=never)
    if readable and _may_go_again(message, now=now, pace=pace):
        again = MessageState.SUPERSEDED if message.called_back else MessageState.DUE
        return await _write(session, message, now=now, state=again, due_at=now, reason=None)
    return None


def _is_open(message: Message, doubt: Doubt) -> bool:
    """Whether it is still this post of this message nobody knows of."""
    return (message.id, message.state, message.attempts) == (doubt.id, MessageState.UNKNOWN, doubt.attempts)


def _may_go_again(message: Message, *, now: datetime, pace: Pace) -> bool:
    if message.kind is MessageKind.OTP or message.sends >= SENDS_MOST:
        return False
    return now >= _posted(message) + pace.second_send


async def _rows(session: AsyncSession, doubt: Doubt, listed: Sequence[Listed]) -> Sequence[Message]:
    """All rows that may stand for texts of the list: by the provider's name, or posted to that number without one.

    In one statement. Between two of them another row could come to its name, and be counted by neither: then its text
    would be taken for the one in doubt, which never went.
    """
    named = col(Message.provider_sid).in_([one.sid for one in listed])
    nameless = and_(
        or_(state_in([MessageState.UNKNOWN]), state_in([MessageState.CLAIMED, MessageState.SENDING])),
        col(Message.phone_index) == doubt.phone_index,
        col(Message.posted_at).is_not(None),
    )
    query = select(Message).options(_UNREAD).where(or_(named, nameless)).execution_options(populate_existing=True)
    return (await session.execute(query)).scalars().all()


def _same(rows: Sequence[Message], doubt: Doubt, *, base_url: str) -> list[Message]:
    """Other rows with this very text that have no name yet: being posted, or in doubt as well."""
    if doubt.body is None:
        return []
    return [
        row
        for row in rows
        if row.state in (MessageState.SENDING, MessageState.UNKNOWN)
        and row.id != doubt.id
        and row.kind is doubt.kind
        and _body(row, base_url) == doubt.body
    ]


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


def _order(message: Message) -> tuple[datetime, int]:
    return _posted(message), message.id or 0


def _created(listed: Listed) -> datetime:
    return listed.created
