"""What is known of a number itself, whoever's it is: whether it takes reminders, and whether anything reaches it.

A number is one however it is spelt: rows are found by the blind index of its E.164 form. Both are asked right before a
post, so that a choice holds at once, also for reminders that were written long ago, and is taken back without repair.
Codes ask neither: somebody with that number in her hand waits for one, and one that arrives proves that it is reached.
Nor does the warning that a code was read out: a number said to be silent is just the one that is misused unnoticed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages import days
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message, NumberStanding
from booking.messages.service import CODE, READ_OUT
from booking.sealed import keys
from booking.sms.gateway import Fault

REMINDING: Final = frozenset({MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS, MessageKind.INVITATION})
"""What a person may do without. News of a visit that was changed goes all the same: she would come for nothing. So does
what she asked for of one visit, that her turn is near: that wish says more than a choice made for all of them."""

_LOST = (MessageState.FAILED, MessageState.UNDELIVERED)


@dataclass(frozen=True, slots=True)
class NumberView:
    """A number as staff and its holder see it. `silent_code` is what the provider said when nothing reached it."""

    stopped_at: datetime | None = None
    silent_since: datetime | None = None
    silent_code: int | None = None


async def look(session: AsyncSession, message: Message) -> dict[str, Any] | None:
    """What to write instead of posting, because of the number it goes to; None where it may go."""
    if message.subject_kind in (CODE, READ_OUT) or message.phone_index is None:
        return None
    found = await _row(session, message.phone_index)
    reason = None
    if found is not None and found.silent_since is not None:
        reason = SuppressedReason.UNREACHABLE
    elif found is not None and found.stopped_at is not None and message.kind in REMINDING:
        reason = SuppressedReason.OPTED_OUT
    return {"state": MessageState.SUPPRESSED, "reason": reason.value} if reason else None


async def of_phone(session: AsyncSession, phone: str | None) -> NumberView:
    """What is known of a number (E.164)."""
    found = await _row(session, keys().index("phone", phone)) if phone is not None else None
    return NumberView(found.stopped_at, found.silent_since, found.silent_code) if found else NumberView()


async def stop_reminders(session: AsyncSession, phone: str, *, now: datetime) -> bool:
    """Send no reminder to this number; false where that was so already."""
    made = upsert(NumberStanding).values(phone_index=keys().index("phone", phone), stopped_at=now)
    changed = made.on_conflict_do_update(
        index_elements=[col(NumberStanding.phone_index)],
        set_={"stopped_at": now},
        where=col(NumberStanding.stopped_at).is_(None),
    )
    return (await session.execute(changed.returning(col(NumberStanding.phone_index)))).first() is not None


async def take_reminders(session: AsyncSession, phone: str) -> bool:
    """Send reminders again; false where that was so already."""
    return await _set(session, keys().index("phone", phone), col(NumberStanding.stopped_at), stopped_at=None)


async def reached(session: AsyncSession, phone_index: bytes | None) -> bool:
    """Something arrived at this number: texts go there again."""
    if phone_index is None:
        return False
    return await _set(session, phone_index, col(NumberStanding.silent_since), silent_since=None, silent_code=None)


async def works(session: AsyncSession, phone: str, *, now: datetime) -> bool:
    """Staff say that a number works: texts go there again. What is told later of texts from before changes nothing."""
    none = {"silent_since": None, "silent_code": None, "works_at": now}
    return await _set(session, keys().index("phone", phone), col(NumberStanding.silent_since), **none)


async def refused(session: AsyncSession, message_id: int, code: int | None, *, now: datetime) -> None:
    """The provider or a carrier says that the number of this message is at fault: nothing more goes there."""
    index = await session.scalar(select(col(Message.phone_index)).where(col(Message.id) == message_id))
    if index is None:
        return
    made = upsert(NumberStanding).values(phone_index=index, silent_since=now, silent_code=code)
    since = func.coalesce(col(NumberStanding.silent_since), now)
    await session.execute(
        made.on_conflict_do_update(
            index_elements=[col(NumberStanding.phone_index)], set_={"silent_since": since, "silent_code": code}
        )
    )


async def heard(session: AsyncSession, message: Message, *, now: datetime) -> None:
    """Learn from what a receipt made of a message, unless a text posted later told already: receipts come days late."""
    at_fault = message.fault is Fault.PHONE and message.state in _LOST
    if message.phone_index is None or message.id is None or not (at_fault or message.state is MessageState.DELIVERED):
        return
    found = await _row(session, message.phone_index)
    if at_fault and found is not None and _is_over(found, message):
        return
    if not at_fault and (found is None or found.silent_since is None):
        return  # as nearly always: nothing to take back, so nothing is looked up
    if await _told_since(session, message, now=now):
        return
    if at_fault:
        await refused(session, message.id, message.error_code, now=now)
    else:
        await reached(session, message.phone_index)


def _is_over(found: NumberStanding, message: Message) -> bool:
    """Whether staff said after this text was posted that its number works: they had heard so themselves."""
    return found.works_at is not None and message.posted_at is not None and message.posted_at <= found.works_at


async def _told_since(session: AsyncSession, message: Message, *, now: datetime) -> bool:
    """Whether a text posted to this number after that one arrived, or was refused for the number."""
    if message.posted_at is None:
        return False
    at_fault = and_(col(Message.state).in_(_LOST), col(Message.fault) == Fault.PHONE)
    later = select(col(Message.id)).where(
        *days.within(message.posted_at, now),
        col(Message.phone_index) == message.phone_index,
        col(Message.posted_at) > message.posted_at,
        or_(col(Message.state) == MessageState.DELIVERED, at_fault),
    )
    return (await session.execute(later.limit(1))).first() is not None


async def _row(session: AsyncSession, index: bytes) -> NumberStanding | None:
    query = select(NumberStanding).where(col(NumberStanding.phone_index) == index)
    found: NumberStanding | None = await session.scalar(query.execution_options(populate_existing=True))
    return found


async def _set(session: AsyncSession, index: bytes, was: Any, **values: Any) -> bool:
    changed = await session.execute(
        update(NumberStanding)
        .where(col(NumberStanding.phone_index) == index, was.is_not(None))
        .values(**values)
        .returning(col(NumberStanding.phone_index))
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
