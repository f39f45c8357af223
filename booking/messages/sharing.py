"""Reminders that share one text: a family's visits at one facility on one morning, told to one number.

Nothing is decided before one of them is about to be posted: until then each row stands for itself, so a visit that is
cancelled or moved needs no repair of the others. Whoever is about to post looks at the family under a lock on its rows:

    somebody earlier is about to go   → step aside for a moment
    its carrier is being posted       → wait for what comes of it
    its carrier was posted            → covered: this one is never sent
    else                              → carry all that wait, say how many, and name the earliest

Nobody speaks for one whose time is off. A carrier that was refused, called back or withheld covers nobody: the next of
the family that is due carries on. One that was posted and did not arrive goes once more with all it stood for: each has
another row, and those share again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.clock import ZONE
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message, ReminderFamily
from booking.messages.service import APPOINTMENT, Notice, Recipient
from booking.messages.texts import FAMILY, FIRST, NAMED
from booking.sealed import keys
from booking.trail.forgetting import BATCH, remove

NOON: Final = time(12)
COUNT: Final = "count"
"""The fact that says for how many visits a text stands."""

FAMILIES_KEPT: Final = timedelta(days=31)
"""After a reminder was of use."""

_ASIDE: Final = timedelta(seconds=5)
_WAIT: Final = timedelta(seconds=15)
_WAITS = (MessageState.DUE, MessageState.CLAIMED)
_OUT = (MessageState.SENDING, MessageState.UNKNOWN)
_POSTED = (MessageState.SENT, MessageState.DELIVERED)
_CARRIES = (*_OUT, *_POSTED)


@dataclass(frozen=True, slots=True)
class _One:
    """One reminder of a family, as it stands."""

    id: int
    carried_by: int | None
    state: MessageState
    due_at: datetime
    subject_id: UUID
    facts: dict[str, Any]
    reason: str | None

    @property
    def order(self) -> tuple[str, int]:
        return str(self.facts["starts_at"]), self.id

    @property
    def named(self) -> dict[str, Any]:
        """How a text that stands for several names this visit."""
        return {name: self.facts[name] for name in NAMED} | {"subject": str(self.subject_id)}


async def join(session: AsyncSession, notices: Sequence[Notice], to: Recipient) -> None:
    """Note which reminders, written in this transaction, may share a text with others to the same number."""
    for notice in notices:
        if notice.kind not in FAMILY or notice.suppressed or to.suppressed or to.phone is None:
            continue
        made = select(col(Message.id), literal(family_of(notice, to)), col(Message.useful_until)).where(
            col(Message.subject_kind) == APPOINTMENT,
            col(Message.subject_id) == notice.subject_id,
            col(Message.kind) == notice.kind,
            col(Message.version) == notice.version,
            col(Message.copy_number) == notice.copy,
            ~select(col(ReminderFamily.message_id)).where(col(ReminderFamily.message_id) == col(Message.id)).exists(),
        )
        await session.execute(insert(ReminderFamily).from_select(["message_id", "family", "useful_until"], made))


def family_of(notice: Notice, to: Recipient) -> bytes:
    """What reminders must have in common to share a text: number, language, facility, half a local day, kind."""
    starts = datetime.fromisoformat(str(notice.facts["starts_at"])).astimezone(ZONE)
    half = "morning" if starts.time() < NOON else "afternoon"
    parts = (to.phone, to.language, notice.facility_id, starts.date(), half, notice.kind.value)
    return keys().index("family", "|".join(map(str, parts)))


async def look(
    session: AsyncSession, message: Message, takes: Callable[[MessageKind, str], bool], *, now: datetime
) -> dict[str, Any] | None:
    """What to write instead of posting a claimed reminder; None where it goes, alone or for the others as well.

    `takes` says whether a text may go. How many it stands for is written into its facts, because its text can be needed
    once more.
    """
    if message.kind not in FAMILY or message.id is None:
        return None
    family = await _locked(session, message.id)
    mine = next((one for one in family if one.id == message.id), None)
    if mine is None or not takes(FAMILY[message.kind], message.language):
        return None
    states = {one.id: one.state for one in family}
    carrier = states.get(mine.carried_by or 0)
    if carrier in _POSTED:
        return {"state": MessageState.SUPPRESSED, "reason": SuppressedReason.COVERED.value}
    if carrier in _OUT:
        return {"state": MessageState.DUE, "due_at": now + _WAIT}
    waiting = [one for one in family if _is_free(one, states) and one.id != mine.id and not _is_off(one, now)]
    if any(one.order < mine.order and (one.state is MessageState.CLAIMED or one.due_at <= now) for one in waiting):
        return {"state": MessageState.DUE, "due_at": now + _ASIDE}
    await _carry(session, message, mine, waiting)
    return None


async def _locked(session: AsyncSession, message_id: int) -> list[_One]:
    """The family of a reminder, its rows locked in their order; read only when the lock is ours."""
    key = select(col(ReminderFamily.family)).where(col(ReminderFamily.message_id) == message_id).scalar_subquery()
    mine = col(ReminderFamily.family) == key
    lock = select(col(ReminderFamily.message_id)).where(mine).order_by(col(ReminderFamily.message_id))
    await session.execute(lock.with_for_update())
    query = (
        select(
            col(Message.id), col(ReminderFamily.carried_by), col(Message.state), col(Message.due_at),
            col(Message.subject_id), col(Message.facts), col(Message.reason),
        )
        .join(ReminderFamily, col(ReminderFamily.message_id) == col(Message.id))
        .where(mine)
    )  # fmt: skip
    return [_One(*row) for row in (await session.execute(query)).all()]


def _is_free(one: _One, states: dict[int, MessageState]) -> bool:
    return one.state in _WAITS and states.get(one.carried_by or 0) not in _CARRIES


def _is_off(one: _One, now: datetime) -> bool:
    """Whether it waits because its time does not take place: whoever marks it looks every few minutes."""
    return one.state is MessageState.DUE and one.reason == SuppressedReason.TIME_OFF and one.due_at > now


async def _carry(session: AsyncSession, message: Message, mine: _One, others: Sequence[_One]) -> None:
    """Stand for these others too, and name the earliest: whoever reads it comes when the first of them is expected."""
    changed = update(ReminderFamily).execution_options(synchronize_session=False)
    row = col(ReminderFamily.message_id)
    await session.execute(changed.where(row == message.id).values(carried_by=None))
    await session.execute(changed.where(row.in_([one.id for one in others])).values(carried_by=message.id))
    first = min((mine, *others), key=lambda one: one.order)
    told = {name: fact for name, fact in message.facts.items() if name not in (COUNT, FIRST)}
    told |= {COUNT: len(others) + 1} if others else {}
    told |= {FIRST: first.named} if first is not mine else {}
    if told != message.facts:
        message.facts = told
        await session.flush()


async def covered(session: AsyncSession, message_id: int) -> list[Message]:
    """The reminders that were not sent because this text stands for them, the earliest visit first."""
    query = (
        select(Message)
        .join(ReminderFamily, col(ReminderFamily.message_id) == col(Message.id))
        .where(
            col(ReminderFamily.carried_by) == message_id,
            col(Message.state) == MessageState.SUPPRESSED,
            col(Message.reason) == SuppressedReason.COVERED.value,
        )
        .order_by(col(Message.facts)["starts_at"].astext, col(Message.id))
    )
    return list((await session.execute(query)).scalars())


async def covered_by(session: AsyncSession, messages: Sequence[int]) -> dict[int, UUID]:
    """Which visit's text stands for each of these covered reminders: message → subject of its carrier."""
    return {covered: carrier.subject_id for covered, carrier in (await carriers(session, messages)).items()}


async def carriers(session: AsyncSession, messages: Sequence[int]) -> dict[int, Message]:
    """The text that stands for each of these covered reminders; what became of it became of them."""
    query = (
        select(col(ReminderFamily.message_id), Message)
        .join(Message, col(Message.id) == col(ReminderFamily.carried_by))
        .where(col(ReminderFamily.message_id).in_(messages))
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def forget_families(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Forget who shared a text with whom, a month after it was of use; how many rows."""
    return await remove(session, ReminderFamily, col(ReminderFamily.useful_until) < now - FAMILIES_KEPT, most=most)
