"""Sending what is due: the steps of one message, each a transaction of its own, each guarded.

    due → claimed (a lease) → sending (written down before the post) → sent | failed | due again | unknown
    (due again is superseded instead, where the visit changed while the post was out)

Whoever crashes between two steps leaves a row whose lease runs out. One that was only claimed was not posted and is
due again; one that was `sending` may have been posted and becomes `unknown`, never due. No step overwrites what
somebody else knows better: a claim is ours as long as its lease is unchanged, an outcome is written only over the
state of the post it belongs to, and what provider or carrier say moves a message forward only (`rules.may_follow`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, case, literal, update
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock, ids
from booking.columns import Choice, state_in
from booking.messages import locking, looking, numbers, rules, two_posts
from booking.messages.claiming import CLAIM_LOST, Claim
from booking.messages.kinds import MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.preparing import Channel, outgoing_of
from booking.messages.segments import cost
from booking.sealed import UnsealError
from booking.sms.gateway import STALE, Accepted, Fault, Outcome, Outgoing, Refused, Unknown


@dataclass(frozen=True, slots=True)
class Pace:
    """Every wait of the outbox in one place.

    Attributes:
        claimed: how long a claim lasts; the time from claiming to posting.
        sending: how long a post may take, its answer and writing that down included; a post ends within 21 s.
        settle_every: how often expired leases and unknown outcomes are looked at.
        first_look: how long a receipt has before the provider's list is read.
        next_look: between two readings of the list.
        later_look: likewise once the second send is spent or its time is over.
        second_send: how long after the first post a second one may follow, if the list shows none.
        held: how long the channel rests when our configuration is refused, and between two looks whether it is right.
        fresh: how old the look at a message may be when its post leaves this machine: a cancel may have come after it.
            What connecting takes is within it (`Outgoing.leave_by`).
    """

    claimed: timedelta = timedelta(seconds=30)
    sending: timedelta = timedelta(seconds=60)
    settle_every: timedelta = timedelta(seconds=5)
    first_look: timedelta = timedelta(seconds=10)
    next_look: timedelta = timedelta(seconds=30)
    later_look: timedelta = timedelta(minutes=10)
    second_send: timedelta = timedelta(minutes=3)
    held: timedelta = timedelta(seconds=60)
    fresh: timedelta = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Posting:
    """One post of a message: `attempt` numbers it, so that its outcome is not taken for that of another post.

    `keeps_secret`: a code in it stays readable here after it was posted. `refused_at` is when the post before this one
    was made, if that was refused for our configuration; `probe` as in its claim; `number` is its blind index. One that
    was not made gives `attempt` back; `begun_at` tells it from the next. `lane` as in its claim's row.
    """

    id: int
    attempt: int
    outgoing: Outgoing
    keeps_secret: bool = False
    probe: bool = False
    refused_at: datetime | None = None
    number: bytes = b""
    begun_at: datetime | None = None
    lane: str = ""


async def put_off(session: AsyncSession, claims: Sequence[Claim], reason: SuppressedReason, *, now: datetime) -> None:
    """Give back what was claimed over a cap: due again on the next morning, or expired where that is too late."""
    again = clock.at_local(clock.local_day(now) + timedelta(days=1), rules.QUIET_UNTIL)
    late = col(Message.useful_until) <= again
    kind = Choice(MessageState)
    await _move(
        session,
        [col(Message.id).in_([one.id for one in claims]), col(Message.state) == MessageState.CLAIMED],
        now=now,
        state=case((late, literal(MessageState.EXPIRED, kind)), else_=literal(MessageState.DUE, kind)),
        due_at=case((late, col(Message.due_at)), else_=again),
        lease_until=None,
        reason=reason.value,
    )


async def wait(
    session: AsyncSession, claimed: Claim, reason: SuppressedReason, *, until: datetime, now: datetime
) -> None:
    """Give a claim back for a reason that its row says; due again at `until`."""
    again = {"state": MessageState.DUE, "due_at": until, "lease_until": None, "reason": reason.value}
    await _move(session, ours(claimed), now=now, **again)


async def begin(
    session: AsyncSession, claimed: Claim, *, through: Channel, now: datetime, lease: timedelta
) -> Posting | None:
    """Look at a claimed message once more and write down that it is about to be posted. Post only after the commit.

    None where it is not to be posted: it was called back, the lease is lost, it is too late, the night has come, the
    text may not go out, or the row cannot be read. Calling back (`service.supersede`) meets this on the row: one wins.
    """
    prepared = await _prepared(session, claimed, through, now=now)
    if isinstance(prepared, dict):
        if prepared["state"] is MessageState.SUPPRESSED:
            prepared = prepared | {"state": _withheld()}
        await _move(session, ours(claimed), now=now, lease_until=None, **prepared)
        return None
    changed = prepared is not None and await _move(
        session, ours(claimed), now=now, state=MessageState.SENDING, lease_until=now + lease,
        attempts=col(Message.attempts) + 1, sends=col(Message.sends) + 1, posted_at=now, provider=through.provider,
        segments=cost(prepared.outgoing.body).segments,
    )  # fmt: skip
    return prepared if changed else None


async def _prepared(
    session: AsyncSession, claimed: Claim, through: Channel, *, now: datetime
) -> Posting | dict[str, Any] | None:
    """The post to make, or what to write instead of it; None where the claim is ours no more."""
    try:
        message = (await session.execute(select(Message).where(*ours(claimed)))).scalar_one_or_none()
        if message is None:
            return None
        aside = await looking.aside(session, message, through, now=now)
        outgoing = None if aside else outgoing_of(message, through.base_url, now=now)
        if outgoing is None:
            return aside
        refused = message.posted_at if message.reason == Fault.CONFIGURATION else None
        attempt, number = message.attempts + 1, message.phone_index or b""
        return Posting(
            claimed.id, attempt, outgoing, through.shows_codes, claimed.probe, refused, number, now, message.lane
        )
    except (UnsealError, LookupError, ValueError) as problem:
        # This row can never be posted (a key or a fact is missing). It must not stop the others, nor be forgotten.
        return {"state": MessageState.FAILED, "reason": f"unreadable: {type(problem).__name__}", "secret": None}


def _withheld() -> ColumnElement[Any]:
    """`suppressed`, or `superseded` where an earlier post may have gone: a late receipt must still be heard."""
    kind = Choice(MessageState)
    posted = col(Message.sends) > 0
    return case((posted, literal(MessageState.SUPERSEDED, kind)), else_=literal(MessageState.SUPPRESSED, kind))


def ours(claimed: Claim) -> list[Any]:
    """Whether a claim still holds: nobody called the message back, and nobody took over after our lease."""
    return [
        col(Message.id) == claimed.id,
        col(Message.state) == MessageState.CLAIMED,
        col(Message.lease_until) == claimed.lease_until,
    ]


async def record(
    session: AsyncSession, posting: Posting, outcome: Outcome, *, now: datetime, pace: Pace, held: bool = False
) -> MessageState | None:
    """Write down what became of a post; the new state, or None where something better is known already.

    Being accepted is evidence whatever happened to the row meanwhile. All else speaks of this one post only. `held`:
    the channel is held for what this post was refused for, so the text keeps its place in the order.
    """
    values = _outcome(posting, outcome, now=now, pace=pace)
    if held:
        values.pop("due_at", None)
    new: MessageState = values.pop("state")
    guard: list[Any] = [col(Message.id) == posting.id]
    if isinstance(outcome, Accepted):
        guard.append(col(Message.state).in_(before(MessageState.SENT)))
    else:
        states = [state for state in before(new) if state in (MessageState.SENDING, MessageState.UNKNOWN)]
        guard += [col(Message.attempts) == posting.attempt, col(Message.state).in_(states)]
    guard += [col(Message.posted_at) == posting.begun_at] if outcome is STALE else []
    written = await session.execute(
        update(Message)
        .where(*guard)
        .values(state=due_unless_called_back() if new is MessageState.DUE else new, lease_until=None, changed_at=now)
        .values(**values, **_erased(new, posting))
        .returning(col(Message.state))
        .execution_options(synchronize_session=False)
    )
    state = written.scalar_one_or_none()
    if isinstance(outcome, Accepted) and posting.attempt > 1:
        return await two_posts.named(session, posting.id, posting.attempt, outcome.provider_sid, now=now) or state
    if state is MessageState.FAILED and isinstance(outcome, Refused) and outcome.fault is Fault.PHONE:
        await numbers.refused(session, posting.id, outcome.code, now=now)
    return state


def _erased(new: MessageState, posting: Posting) -> dict[str, Any]:
    """A code is erased by whatever ends its only post; refused for now, it is needed for the next one."""
    kept = new is MessageState.DUE or (new is MessageState.SENT and posting.keeps_secret)
    return {} if kept else {"secret": None}


def due_unless_called_back() -> ColumnElement[Any]:
    """`due`, or `superseded` where the visit changed while the post was out: what it told is no longer true."""
    kind = Choice(MessageState)
    return case(
        (col(Message.called_back), literal(MessageState.SUPERSEDED, kind)), else_=literal(MessageState.DUE, kind)
    )


def _outcome(posting: Posting, outcome: Outcome, *, now: datetime, pace: Pace) -> dict[str, Any]:
    if outcome is STALE:
        return _not_made(posting)
    if isinstance(outcome, Accepted):
        well = {"reason": None, "error_code": None, "fault": None}
        return {"state": MessageState.SENT, "provider_sid": outcome.provider_sid} | well
    if isinstance(outcome, Unknown):
        return {"state": MessageState.UNKNOWN, "reason": outcome.reason, "due_at": now + pace.first_look}
    said = {"error_code": outcome.code, "fault": outcome.fault, "reason": outcome.fault.value}
    if outcome.fault in (Fault.PHONE, Fault.CONTENT):
        return said | {"state": MessageState.FAILED}
    again = now + rules.backoff(posting.attempt, ids.jitter(0.5, 1.5), outcome.retry_after)
    return said | {"state": MessageState.DUE, "sends": col(Message.sends) - 1, "due_at": again}  # it did not go


def _not_made(posting: Posting) -> dict[str, Any]:
    """As if the post had never been begun: it was not made, so it is no try, and the text is due as it was before."""
    never = {"posted_at": None} if posting.attempt == 1 else {}
    return {"state": MessageState.DUE, "attempts": col(Message.attempts) - 1, "sends": col(Message.sends) - 1, **never}


def before(new: MessageState) -> list[MessageState]:
    """The states that may become `new`."""
    return [state for state in MessageState if rules.may_follow(state, new)]


async def end_leases(session: AsyncSession, *, now: datetime, most: int = 500) -> tuple[int, int]:
    """Settle what a sender left behind, at most `most`: how many are due again, and how many may have been sent.

    What was only claimed was never posted. What was `sending` may have been, so it is never due again from here.
    """
    leased = state_in([MessageState.CLAIMED, MessageState.SENDING])  # as the index has it
    over = locking.left_alone(leased, col(Message.lease_until) <= now, most=most)
    found = col(Message.id).in_((await session.execute(select_columns(over.c.id))).scalars().all())
    claimed = [found, col(Message.state) == MessageState.CLAIMED]
    sending = [found, col(Message.state) == MessageState.SENDING]
    again = await _move(session, claimed, now=now, state=MessageState.DUE, lease_until=None, reason=CLAIM_LOST)
    unknown = await _move(
        session, sending, now=now, state=MessageState.UNKNOWN, lease_until=None, due_at=now, reason="sender lost",
        secret=None,
    )  # fmt: skip
    return again, unknown


async def _move(session: AsyncSession, guard: list[Any], *, now: datetime, **values: Any) -> int:
    """One guarded UPDATE; how many rows it changed."""
    result = await session.execute(
        update(Message).where(*guard).values(changed_at=now, **values).execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount
