"""The provider's list of one day, compared with our rows: what we never learnt is learnt here, a day late.

Rows are found by the provider's name for a text. A text in the list that no row has the name of may be one whose answer
was lost: then a row without a name, to the same number and with the same text, was posted near that moment. What is
still left is strange: somebody sends through our account, or a row of ours is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.messages import receipts, rules
from booking.messages.channel.models import SmsReconciliation
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.messages.receipts import Receipt
from booking.sealed import keys
from booking.sms.gateway import Listed

BATCH: Final = 200
"""Texts compared in one transaction."""

STRANGE_MOST: Final = 100

_NEAR: Final = timedelta(minutes=5)
"""How far the provider's clock and ours, and a post and its taking, may be apart."""


@dataclass
class Compared:
    """What a comparison found so far; the fields are those of `SmsReconciliation`."""

    listed: int = 0
    known: int = 0
    adopted: int = 0
    advanced: int = 0
    strange: list[str] = field(default_factory=list)


async def compare(
    session: AsyncSession, listed: Sequence[Listed], found: Compared, *, base_url: str, now: datetime
) -> None:
    """Compare some texts of the list, at most `BATCH`, and add to what was found. Again finds and changes the same."""
    sids = [one.sid for one in listed]
    query = select(Message).where(col(Message.provider_sid).in_(sids)).order_by(col(Message.id)).with_for_update()
    ours = {row.provider_sid: row for row in (await session.execute(query)).scalars()}
    for one in listed:
        row = ours.get(one.sid)
        found.listed += 1
        if row is not None:
            found.known += 1
        else:
            row = await _nameless(session, one, base_url=base_url)
            if row is None:
                found.strange.append(one.sid)
                continue
            row.provider_sid = one.sid
            found.adopted += 1
        found.advanced += await _advance(session, row, one, now=now)


async def _advance(session: AsyncSession, row: Message, one: Listed, *, now: datetime) -> bool:
    """Let the list move a message as a receipt would, where it says something new."""
    state = rules.receipt_state(one.status)
    if state is None or not rules.may_follow(row.state, state):
        return False
    await session.flush()
    return await receipts.take(session, row.public_id, Receipt(one.sid, one.status, one.error_code), now=now)


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
        .with_for_update()
    )
    for row in (await session.execute(query)).scalars():
        # Posted twice, its last post may be later than this text; the first was after the row was written.
        if row.created_at <= one.created + _NEAR and one.body is not None and _body(row, base_url) == one.body:
            return row
    return None


def _body(row: Message, base_url: str) -> str | None:
    try:
        return body_of(row, base_url=base_url)
    except (LookupError, ValueError):  # a code that is erased, or a fact that is gone: it can be told of no text
        return None


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
