"""The last look at a claimed message: whatever else than its own row may keep it from going now."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.messages import numbers, sharing
from booking.messages.channel import told
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.practising import of_practice
from booking.messages.preparing import Channel, set_aside
from booking.messages.service import CODE, READ_OUT

_BEHIND: Final = timedelta(seconds=1)
"""Between two looks of a correction at the post it corrects."""

_REMINDERS: Final = (MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS)
_CONFIRM: Final = (MessageKind.BOOKED, MessageKind.MOVED, MessageKind.MOVED_BY_FACILITY)
_READ: Final = (MessageState.SENT, MessageState.DELIVERED)
_GOING: Final = (MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN)
_BESIDE: Final = timedelta(hours=1)
"""A reminder so soon after its confirmation went repeats it. Planned ones lie further off; one that waited may not."""


async def aside(session: AsyncSession, message: Message, through: Channel, *, now: datetime) -> dict[str, Any] | None:
    """What to write instead of posting; None where it may go."""
    if await of_practice(session, message):
        return {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.TRAINING.value, "secret": None}
    return (
        set_aside(message, through, now=now)
        or await numbers.look(session, message)
        or await _beside(session, message, now=now)
        or await sharing.look(session, message, through.takes, now=now)
        or await _behind(session, message, now=now)
        or await _filtered(session, message, through.provider, now=now)
    )


async def _beside(session: AsyncSession, message: Message, *, now: datetime) -> dict[str, Any] | None:
    """A planned reminder of which the same was read just now: both waited for the carrier, the confirmation went first.

    It waits for what comes of a confirmation that is about to go, and goes itself where that one did not.
    """
    if message.kind not in _REMINDERS or message.copy_number:
        return None
    # One look: between two of them a confirmation that is out would be found by neither.
    told = select(Message.state, Message.due_at, Message.posted_at).where(
        col(Message.subject_kind) == message.subject_kind,
        col(Message.subject_id) == message.subject_id,
        col(Message.version) == message.version,
        col(Message.kind).in_(_CONFIRM),
    )
    rows = (await session.execute(told)).all()
    if any(row.state in _READ and row.posted_at is not None and row.posted_at > now - _BESIDE for row in rows):
        return {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.BESIDE_BOOKING.value}
    if any(row.state in _GOING or (row.state is MessageState.DUE and row.due_at <= now) for row in rows):
        return {"state": MessageState.DUE, "due_at": now + _BEHIND}
    return None


async def _behind(session: AsyncSession, message: Message, *, now: datetime) -> dict[str, Any] | None:
    """Wait while another text about the same visit is out: a correction must not arrive before what it corrects."""
    out = select(Message.id).where(
        col(Message.subject_kind) == message.subject_kind,
        col(Message.subject_id) == message.subject_id,
        col(Message.state) == MessageState.SENDING,
        col(Message.version) < message.version,
    )
    waits = (await session.execute(out.limit(1))).first() is not None
    return {"state": MessageState.DUE, "due_at": now + _BEHIND} if waits else None


async def _filtered(session: AsyncSession, message: Message, provider: str, *, now: datetime) -> dict[str, Any] | None:
    """Wait while carriers filter its words: it would be lost. All that wait are due again at one moment, in order.

    A code does not wait: it is of no use later, and who gets none asks for another.
    """
    if message.subject_kind in (CODE, READ_OUT):
        return None
    wording = told.wording_of(message.kind, message.facts, message.language)
    until = await told.stopped(session, provider, wording, now=now)
    if until is None:
        return None
    reason = SuppressedReason.TEXT_FILTERED.value
    return {"state": MessageState.DUE, "due_at": min(until, message.useful_until), "reason": reason}
