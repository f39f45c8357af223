"""Writing to the outbox: every text is a row, written in the transaction of what it tells of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, CursorResult, Uuid, any_, case, literal, null, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.columns import Choice, state_in
from booking.messages import forgotten, locking
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.sealed import keys

APPOINTMENT: Final = "appointment"
CODE: Final = "code"
READ_OUT: Final = "read_out"
"""What a text is about: `subject_kind`. Codes have a lane of their own, because somebody sits and waits for one; so has
the warning that a desk read a code out: no budget and no cap of any day silences it."""

_LANES: Final = {CODE: "code", READ_OUT: "code"}

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
    `secret` is a verification code: kept sealed until the text is posted, replaced or of no use any more.
    `copy` counts news of one kind about one version of a visit: a delay may be told twice in a morning, and staff
    send a text once more. `once_more`: the text is that of another which did not arrive, so it is not tried again.
    `news_at` is when what it tells came about, where that was before it fell due: a job may tell of it twice, once
    before a restore and once after.
    """

    subject_id: UUID
    kind: MessageKind
    version: int
    facility_id: int | None
    facts: dict[str, Any]
    due_at: datetime
    useful_until: datetime
    suppressed: SuppressedReason | None = None
    subject_kind: str = APPOINTMENT
    secret: str | None = field(default=None, repr=False)
    copy: int = 0
    once_more: bool = False
    news_at: datetime | None = None


def reach(phone: str | None, *, mobile: bool) -> SuppressedReason | None:
    """Why no SMS can reach a number; None when one can."""
    if phone is None:
        return SuppressedReason.NO_PHONE
    return None if mobile else SuppressedReason.NOT_A_MOBILE


async def write(session: AsyncSession, notices: Sequence[Notice], to: Recipient, *, now: datetime) -> int:
    """Write the rows; one that is there already stays as it is. Returns how many were new.

    One that may have been sent before a restore begins in doubt (`forgotten`).
    """
    if not notices:
        return 0
    rows = [_row(notice, to, now) for notice in notices]
    news = [_news(notice, row) for notice, row in zip(notices, rows, strict=True)]
    for row, since in zip(rows, await forgotten.perhaps_sent(session, news, now=now), strict=True):
        row.update({} if since is None else _as_if_posted(since))
    made = upsert(Message).values(rows).on_conflict_do_nothing(constraint="message_once_key")
    result = await session.execute(made.returning(col(Message.id)))
    return len(result.all())


def _row(notice: Notice, to: Recipient, now: datetime) -> dict[str, Any]:
    reason = notice.suppressed or to.suppressed or (SuppressedReason.NO_PHONE if to.phone is None else None)
    return {
        "public_id": ids.public_id(),
        "subject_kind": notice.subject_kind,
        "subject_id": notice.subject_id,
        "kind": notice.kind,
        "version": notice.version,
        "copy": notice.copy,
        "once_more": notice.once_more,
        "lane": _LANES.get(notice.subject_kind, "visit"),
        "facility_id": notice.facility_id,
        "language": to.language,
        "phone": to.phone,
        "phone_index": keys().index("phone", to.phone) if to.phone else None,
        "facts": notice.facts,
        "secret": None if reason else notice.secret,
        "state": MessageState.SUPPRESSED if reason else MessageState.DUE,
        "reason": reason.value if reason else None,
        "due_at": notice.due_at,
        "useful_until": notice.useful_until,
        "attempts": 0,
        "sends": 0,
        "posted_at": None,
        "created_at": now,
        "changed_at": now,
    }


def _news(notice: Notice, row: dict[str, Any]) -> datetime | None:
    """When it could first be told; None for what is never sent, and for codes, which nobody writes anew."""
    if row["state"] is not MessageState.DUE or notice.subject_kind in _LANES:
        return None
    return notice.due_at if notice.news_at is None else notice.news_at


def _as_if_posted(since: datetime) -> dict[str, Any]:
    """A row that stands for a post nobody remembers, made since then at the earliest."""
    return {"state": MessageState.UNKNOWN, "sends": 1, "posted_at": since, "created_at": since}


async def is_told(session: AsyncSession, subject_id: UUID, version: int) -> bool:
    """Whether a text about this version of a visit is to go, or went; false where each was suppressed."""
    query = select(Message.id).where(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == subject_id,
        col(Message.version) == version,
        col(Message.state) != MessageState.SUPPRESSED,
    )
    return (await session.execute(query.limit(1))).first() is not None


async def was_posted(session: AsyncSession, subject_id: UUID, version: int) -> bool:
    """Whether a text about this version of a visit may have been read."""
    query = select(Message.id).where(
        col(Message.subject_kind) == APPOINTMENT,
        col(Message.subject_id) == subject_id,
        col(Message.version) == version,
        col(Message.posted_at).is_not(None),
    )
    return (await session.execute(query.limit(1))).first() is not None


async def supersede(session: AsyncSession, subject_id: UUID, *, now: datetime, subject_kind: str = APPOINTMENT) -> int:
    """Call back what was not posted yet about a visit that was moved or cancelled, or of a code. Returns how many."""
    return await supersede_all(session, [subject_id], now=now, subject_kind=subject_kind)


async def supersede_all(
    session: AsyncSession,
    subject_ids: Sequence[UUID],
    *,
    now: datetime,
    subject_kind: str = APPOINTMENT,
    kinds: Sequence[MessageKind] = tuple(MessageKind),
) -> int:
    """Likewise about several visits, in one statement; only texts of some `kinds` where they are named.

    What is being posted at this moment keeps its state and gets the mark `called_back` (not counted). Both in one
    statement: between two of them such a post could be refused and be due again, seen by neither.
    """
    state = col(Message.state)
    out = state.in_(MARKED)
    called = locking.in_order(
        col(Message.subject_kind) == subject_kind,
        col(Message.subject_id) == any_(literal(list(subject_ids), ARRAY(Uuid))),
        state.in_((*CALLED_BACK, *MARKED)),
        *(() if len(kinds) == len(MessageKind) else (col(Message.kind).in_(kinds),)),
    )
    result = await session.execute(
        update(Message)
        .where(col(Message.id) == called.c.id)
        .values(
            state=case((out, state), else_=literal(MessageState.SUPERSEDED, Choice(MessageState))),
            lease_until=case((out, col(Message.lease_until)), else_=null()),
            changed_at=case((out, col(Message.changed_at)), else_=now),
            called_back=True,
            secret=null(),
        )
        .returning(state)
        .execution_options(synchronize_session=False)
    )
    return sum(new is MessageState.SUPERSEDED for new in result.scalars())


async def end_code(session: AsyncSession, code: UUID, *, now: datetime) -> None:
    """Forget a code that was used, replaced or tried too often: it goes no more, and its digits are erased."""
    await supersede(session, code, now=now, subject_kind=CODE)
    await session.execute(
        update(Message)
        .where(col(Message.subject_kind) == CODE, col(Message.subject_id) == code, col(Message.secret).is_not(None))
        .values(secret=None)
        .execution_options(synchronize_session=False)
    )


async def stop_number(
    session: AsyncSession, phone_index: bytes, *, now: datetime, subject_id: UUID | None = None
) -> int:
    """Send nothing of what waits for a number, because its holder said that it is not the patient's. Returns how many.

    Codes go on: somebody with that number asks for them, and is warned where a desk read one out. What is being posted
    now is marked, so that no other follows.

    Args:
        session: of the caller's transaction.
        phone_index: blind index of the number.
        now: the moment of the request, UTC.
        subject_id: only texts about this visit; everything where it is None.
    """
    mine = [col(Message.phone_index) == phone_index, col(Message.subject_kind).not_in(tuple(_LANES))]
    if subject_id is not None:
        mine.append(col(Message.subject_id) == subject_id)
    # One look at each partial index: there is none by number, because every booking would pay for it.
    looks = [select(col(Message.id)).where(state_in(states), *mine) for states in _WAITING]
    found = list((await session.execute(union_all(*looks))).scalars())
    await locking.lock(session, found)
    stopped = {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.WRONG_NUMBER.value, "lease_until": None}
    number = 0
    for states, values in (
        ((MessageState.DUE, MessageState.CLAIMED), stopped),
        ((MessageState.UNKNOWN,), {"state": MessageState.SUPERSEDED, "called_back": True}),
    ):
        number += await locking.change(session, found, states, changed_at=now, **values)
    # What is being posted keeps its state: only its sender knows what comes of it.
    await locking.change(session, found, MARKED, called_back=True)
    return number


_WAITING: Final = (
    [MessageState.DUE], [MessageState.CLAIMED, MessageState.SENDING], [MessageState.UNKNOWN],
)  # fmt: skip
"""What is not settled, by the indexes that find it."""


async def erase_codes(session: AsyncSession, *, now: datetime, most: int = 500) -> int:
    """Erase codes that are of no use any more, whatever became of their texts; how many, at most `most`."""
    over = locking.left_alone(col(Message.secret).is_not(None), col(Message.useful_until) <= now, most=most)
    erased = await session.execute(
        update(Message)
        .where(col(Message.id) == over.c.id)
        .values(secret=None)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(erased, CursorResult)
    return erased.rowcount


async def expire(session: AsyncSession, *, most: int, now: datetime) -> int:
    """End what waits and is of no use any more, so that it does not stand before what is; how many, at most `most`.

    Its sender would do so too, but comes to it late where the channel is held or rests. Why it waited stays readable.
    """
    over = (
        select(col(Message.id))
        .where(state_in([MessageState.DUE]), col(Message.due_at) <= now, col(Message.useful_until) <= now)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    waited = [one.value for one in SuppressedReason]
    reason = case((col(Message.reason).in_(waited), col(Message.reason)), else_=SuppressedReason.TIME_PASSED.value)
    ended = await session.execute(
        update(Message)
        .where(col(Message.id) == over.c.id, col(Message.state) == MessageState.DUE)
        .values(state=MessageState.EXPIRED, reason=reason, secret=None, changed_at=now)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(ended, CursorResult)
    return ended.rowcount
