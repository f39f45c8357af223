"""Writing to the outbox: every text is a row, written in the transaction of what it tells of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import case, literal, null, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids
from booking.columns import Choice
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.sealed import keys

APPOINTMENT = "appointment"

CALLED_BACK: Final = (MessageState.DUE, MessageState.CLAIMED, MessageState.UNKNOWN)
"""States from which a text can still be superseded: nothing was posted, or a second post is all that could follow."""

MARKED: Final = (MessageState.SENDING,)
"""States in which a post is out. It is not disturbed; the mark says that no other may follow it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who reads a text: a number (E.164) or the reason why there is none, and the language."""

    phone: str | None
    language: str
    suppressed: SuppressedReason | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A text that is to go, or the reason why it will not.

    `facts` are what its template is filled with; a link is made of `token_version` when it is posted, never stored.
    """

    subject_id: UUID
    kind: MessageKind
    version: int
    facility_id: int
    facts: dict[str, Any]
    due_at: datetime
    useful_until: datetime
    suppressed: SuppressedReason | None = None


def reach(phone: str | None, *, mobile: bool) -> SuppressedReason | None:
    """Why no SMS can reach a number; None when one can."""
    if phone is None:
        return SuppressedReason.NO_PHONE
    return None if mobile else SuppressedReason.NOT_A_MOBILE


async def write(session: AsyncSession, notices: Sequence[Notice], to: Recipient, *, now: datetime) -> int:
    """Write the rows; one that is there already stays as it is. Returns how many were new."""
    if not notices:
        return 0
    rows = [_row(notice, to, now) for notice in notices]
    made = upsert(Message).values(rows).on_conflict_do_nothing(constraint="message_once_key")
    result = await session.execute(made.returning(col(Message.id)))
    return len(result.all())


def _row(notice: Notice, to: Recipient, now: datetime) -> dict[str, Any]:
    reason = notice.suppressed or to.suppressed or (SuppressedReason.NO_PHONE if to.phone is None else None)
    return {
        "public_id": ids.public_id(),
        "subject_kind": APPOINTMENT,
        "subject_id": notice.subject_id,
        "kind": notice.kind,
        "version": notice.version,
        "copy": 0,
        "lane": "visit",
        "facility_id": notice.facility_id,
        "language": to.language,
        "phone": to.phone,
        "phone_index": keys().index("phone", to.phone) if to.phone else None,
        "facts": notice.facts,
        "state": MessageState.SUPPRESSED if reason else MessageState.DUE,
        "reason": reason.value if reason else None,
        "due_at": notice.due_at,
        "useful_until": notice.useful_until,
        "attempts": 0,
        "sends": 0,
        "created_at": now,
        "changed_at": now,
    }


async def supersede(session: AsyncSession, subject_id: UUID, *, now: datetime) -> int:
    """Call back what was not posted yet about a visit: it was moved or cancelled. Returns how many.

    What is being posted at this moment keeps its state and gets the mark `called_back` (not counted). Both in one
    statement: between two of them such a post could be refused and be due again, seen by neither.
    """
    state = col(Message.state)
    out = state.in_(MARKED)
    result = await session.execute(
        update(Message)
        .where(
            col(Message.subject_kind) == APPOINTMENT,
            col(Message.subject_id) == subject_id,
            state.in_((*CALLED_BACK, *MARKED)),
        )
        .values(
            state=case((out, state), else_=literal(MessageState.SUPERSEDED, Choice(MessageState))),
            lease_until=case((out, col(Message.lease_until)), else_=null()),
            changed_at=case((out, col(Message.changed_at)), else_=now),
            called_back=True,
        )
        .returning(state)
        .execution_options(synchronize_session=False)
    )
    return sum(new is MessageState.SUPERSEDED for new in result.scalars())
