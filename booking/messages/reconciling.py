"""The provider's list of one day, compared with our rows: what we never learnt is learnt here, a day late.

Rows are found by the provider's name for a text. A text in the list that no row has the name of may be one whose answer
was lost: then a row without a name, to the same number and with the same text, was posted near that moment (of a code,
which is erased by then, all but its digits is compared). Or it is the first of two posts: the row has the name of one
of them, and a receipt told of the other. What is still left is strange: somebody sends through our account, or a row of
ours is gone.

The list is asked for by days of sending, so it lacks what the provider has taken and not sent: rows whose text it does
not show are looked up by their numbers (`unlisted`). And what it shows on its way in the night comes to its end by the
next one: each night looks at the states of two days.
"""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.messages import days, receipts, rules, texts
from booking.messages.channel.models import SmsReconciliation
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message, MessageReceipt
from booking.messages.preparing import body_of
from booking.messages.receipts import Receipt
from booking.sealed import UnsealError, keys
from booking.sms.gateway import Listed

log = logging.getLogger(__name__)

BATCH: Final = 200
"""Texts looked up at once."""

STRANGE_MOST: Final = 100

_NEAR: Final = timedelta(minutes=5)
"""How far the provider's clock and ours, and a post and its taking, may be apart."""

UNLISTED_MOST: Final = 200
"""Numbers asked for in a night; more of them, and the list is at fault."""

_DIGITS: Final = re.compile(r"\b[0-9]{6}\b")
_SOME_DIGITS: Final = "000000"
"""What stands for the digits of any code."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one text of the list told: a receipt knew it, a row got its name, a message moved, or it is no row's."""

    known: bool = False
    adopted: bool = False
    advanced: bool = False
    strange: bool = False


@dataclass
class Compared:
    """What a comparison found so far; the fields are those of `SmsReconciliation`."""

    listed: int = 0
    known: int = 0
    adopted: int = 0
    advanced: int = 0
    strange: list[str] = field(default_factory=list)

    def add(self, one: Listed, learnt: Learnt) -> None:
        """Count what a text of the list told."""
        self.known += learnt.known
        self.adopted += learnt.adopted
        self.advanced += learnt.advanced
        if learnt.strange:
            self.strange.append(one.sid)


async def differing(session: AsyncSession, listed: Sequence[Listed], found: Compared) -> list[Listed]:
    """Those of some texts of the list, at most `BATCH`, that say something new; the others are only counted.

    Nothing is locked: each of them is learnt in a transaction of its own (`learn`), so that no row waits for another.
    """
    query = select(col(Message.provider_sid), col(Message.state)).where(
        col(Message.provider_sid).in_([one.sid for one in listed])
    )
    states: dict[str | None, MessageState] = {row[0]: row[1] for row in (await session.execute(query)).all()}
    fresh = []
    for one in listed:
        found.listed += 1
        found.known += one.sid in states
        if one.sid not in states or _says_more(states[one.sid], one):
            fresh.append(one)
    return fresh


async def learn(session: AsyncSession, one: Listed, *, base_url: str, now: datetime) -> Learnt:
    """Let the list move one message as a receipt would, or find the one it may be the post of. Again changes nothing.

    A transaction of its own: the channel is locked before the message, as senders do, and no second message is.
    """
    receipt = Receipt(one.sid, one.status, one.error_code, one.fault)
    query = select(Message).where(col(Message.provider_sid) == one.sid).order_by(col(Message.id)).limit(1)
    row = (await session.execute(query)).scalar_one_or_none()
    adopted = row is None
    row = row or await _nameless(session, one, base_url=base_url)
    if row is None:
        heard = await _is_heard(session, one)
        return Learnt(known=heard, strange=not heard)
    if adopted:
        receipt = await receipts.tell_channel(session, row.public_id, receipt, now=now)
        await session.refresh(row, with_for_update=True)
        if row.provider_sid is not None:  # it got its name this moment: what the list says is another text then
            return Learnt(strange=row.provider_sid != one.sid)
        if await session.scalar(select(Message.id).where(col(Message.provider_sid) == one.sid).limit(1)) is not None:
            return Learnt(known=True)  # and this moment another row came to that name
        row.provider_sid = one.sid
    advanced = _says_more(row.state, one)
    if advanced:
        await session.flush()
        advanced = await receipts.take(session, row.public_id, receipt, now=now)
    return Learnt(adopted=adopted, advanced=advanced)


def _says_more(state: MessageState, one: Listed) -> bool:
    said = rules.receipt_state(one.status)
    return said is not None and rules.may_follow(state, said)


async def _nameless(session: AsyncSession, one: Listed, *, base_url: str) -> Message | None:
    """The row that this text may be the post of: without a name, same number, same text, posted near that moment."""
    query = (
        select(Message)
        .where(
            col(Message.phone_index) == keys().index("phone", one.to),
            col(Message.provider_sid).is_(None),
            col(Message.posted_at).is_not(None),
            col(Message.posted_at) <= one.created + _NEAR,
        )
        .order_by(col(Message.posted_at), col(Message.id))
    )
    for row in (await session.execute(query)).scalars():
        # Posted twice, its last post may be later than this text; the first was after the row was written.
        if row.created_at <= one.created + _NEAR and one.body is not None and _body(row, base_url) == one.body:
            return row
        if row.kind is MessageKind.OTP and _is_code(row, one):
            return row
    return None


def _is_code(row: Message, one: Listed) -> bool:
    """Whether this text may be that of a code, whose digits are erased: posted once, so near the moment of its post."""
    if row.posted_at is None or one.body is None or abs(row.posted_at - one.created) > _NEAR:
        return False
    facts = {name: str(value) for name, value in row.facts.items()} | {"otp": _SOME_DIGITS}
    try:
        text = texts.render(row.kind, row.language, facts)
    except LookupError:
        return False
    return _DIGITS.sub(_SOME_DIGITS, one.body) == text


async def _is_heard(session: AsyncSession, one: Listed) -> bool:
    """Whether a receipt named this text: the first of two posts, whose row has the name of the other.

    Receipts have no index by name, so the row is found by when it was written and its number, its receipts by the row.
    """
    query = (
        select(MessageReceipt.id)
        .join(Message, col(Message.id) == col(MessageReceipt.message_id))
        .where(
            *days.posted_by(one.created),
            col(Message.phone_index) == keys().index("phone", one.to),
            col(MessageReceipt.provider_sid) == one.sid,
        )
    )
    return (await session.execute(query.limit(1))).first() is not None


def _body(row: Message, base_url: str) -> str | None:
    try:
        return body_of(row, base_url=base_url)
    except (LookupError, ValueError):  # a code that is erased, or a fact that is gone: it can be told of no text
        return None


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A text that the provider took, by its answer, and does not list; `since` is just before its post."""

    sid: str
    phone: str = field(repr=False)
    since: datetime


async def unlisted(
    session: AsyncSession, provider: str, begins: datetime, ends: datetime, listed: Collection[str]
) -> list[Unlisted]:
    """What was posted between these, is on its way as far as we know, and is not in the list; at most so many."""
    query = select(col(Message.id), col(Message.provider_sid)).where(
        *days.within(begins, ends),
        col(Message.state) == MessageState.SENT,
        col(Message.provider) == provider,
        col(Message.provider_sid).is_not(None),
    )
    missing = [row for row, sid in (await session.execute(query)).all() if sid not in listed][:UNLISTED_MOST]
    return [found for row in missing if row is not None and (found := await _unlisted(session, row)) is not None]


async def _unlisted(session: AsyncSession, row: int) -> Unlisted | None:
    """One of them; None where its number cannot be read (a key is missing): the others are asked about all the same."""
    try:
        text = await session.get_one(Message, row)
    except UnsealError:
        log.exception("a number cannot be read", extra={"facts": {"rows": row}})
        return None
    if text.provider_sid is None or text.phone is None:
        return None
    return Unlisted(text.provider_sid, text.phone, (text.posted_at or text.created_at) - _NEAR)


async def is_done(session: AsyncSession, provider: str, day: date) -> bool:
    """Whether a day was compared."""
    query = select(SmsReconciliation.id).where(
        col(SmsReconciliation.provider) == provider, col(SmsReconciliation.day) == day
    )
    return (await session.execute(query)).first() is not None


def written_down(session: AsyncSession, provider: str, day: date, found: Compared, *, now: datetime) -> None:
    """Remember what was found; that row says that the day is done."""
    session.add(
        SmsReconciliation(
            provider=provider, day=day, listed=found.listed, known=found.known, adopted=found.adopted,
            advanced=found.advanced, unknown=len(found.strange), strange=found.strange[:STRANGE_MOST], done_at=now,
        )
    )  # fmt: skip
