"""What the channel learns from the outcome of each post.

A configuration that is refused holds it at once. A doubtful answer (a code nobody has met, or one that may speak of a
single number) and no answer at all hold it only when several different numbers in a row get them: one number that can
never be reached must not stop all others, nor one text burn because of what is our fault. Any text that is taken ends
such a row, and opens what was held. Whoever opens our page may choose to which numbers codes go, so a doubtful answer
to a code counts in no such row: three invented numbers would stop everybody's texts.
"""

import logging
from datetime import timedelta
from typing import Final

from sqlalchemy import CursorResult, bindparam, func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.columns import Moment
from booking.messages.channel.models import SmsChannel
from booking.messages.channel.row import NOW, UNKNOWN, locked, write
from booking.messages.channel.rules import CODES
from booking.messages.channel.runs import SEVERAL
from booking.messages.channel.told import waits_for_receipt
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.outbox import Posting
from booking.sms.gateway import Accepted, Fault, Outcome, Refused

log = logging.getLogger(__name__)

SILENT: Final = 8
"""Different numbers in a row after which nobody answers; a burst of posts may end that way by one lost connection."""

TRIES: Final = 3
"""Posts of one text that get a code nobody has met, while no other goes out to tell whose fault it is."""

_TOO_MANY: Final = frozenset({429, 20429})
_REST_LEAST: Final = 1.0
"""Seconds to rest where the provider says "too many" and not for how long."""


async def heard(
    session: AsyncSession, provider: str, posting: Posting, outcome: Outcome, *, held: timedelta
) -> tuple[Outcome, bool]:
    """Learn from the outcome of a post: what it is to be taken for, and whether the channel is held for it.

    Any answer to a probe that speaks of the text opens the channel. Was it opened by another text since this one was
    last refused, the fault is this text's own and stops nobody: refused for our configuration it is tried again later,
    refused with a code nobody has met it is given up.
    """
    if isinstance(outcome, Accepted):
        await _well(session, provider, posting)
    elif not isinstance(outcome, Refused):
        await _silent(session, provider, posting, held=held)
    elif outcome.fault is Fault.DOUBTFUL:
        return await _doubted(session, provider, posting, outcome, held=held)
    elif outcome.fault is Fault.CONFIGURATION:
        return outcome, await _hold(session, provider, posting, outcome.code, held=held)
    elif outcome.fault is Fault.PASSING:
        await _spoke(session, provider, outcome.code)
        await _rest(session, provider, outcome)
    elif outcome.code is not None:
        await _well(session, provider, posting)
    return outcome, False


async def _well(session: AsyncSession, provider: str, posting: Posting) -> None:
    """The provider works: nothing is amiss. Its probe opens what is held; any text does where nobody had answered.

    A probe that was taken may have failed for our configuration all the same, by a receipt that came before the answer.
    """
    if posting.probe and (await waits_for_receipt(session, provider) or await _was_refused(session, posting)):
        return
    amiss = col(SmsChannel.amiss).is_not(None)
    ended = update(SmsChannel).where(col(SmsChannel.provider) == provider).execution_options(synchronize_session=False)
    opened = {"held_at": None, "held_code": None, "held_told": None, "probe_at": None, "probed_at": None}
    held = col(SmsChannel.held_at).is_not(None)
    opens = held if posting.probe else held & (col(SmsChannel.amiss) == UNKNOWN)
    ends = {"amiss": None, "amiss_of": None, "opened_at": NOW}
    again = await session.execute(ended.where(opens).values(**opened, **ends))
    assert isinstance(again, CursorResult)
    if again.rowcount:
        log.warning("the SMS channel is open again", extra={"facts": {"provider": provider}})
    else:
        await session.execute(ended.where(amiss).values(**ends))


async def _was_refused(session: AsyncSession, posting: Posting) -> bool:
    query = select(Message.id).where(
        col(Message.id) == posting.id,
        col(Message.state).in_((MessageState.FAILED, MessageState.UNDELIVERED)),
        col(Message.fault).in_((Fault.CONFIGURATION, Fault.DOUBTFUL)),
    )
    return (await session.execute(query)).first() is not None


async def _spoke(session: AsyncSession, provider: str, code: int | None) -> None:
    """An answer with a code ends a silence, whatever it says. It proves nothing of what was refused before."""
    if code is None:
        return
    await session.execute(
        update(SmsChannel)
        .where(
            col(SmsChannel.provider) == provider, col(SmsChannel.held_at).is_not(None),
            col(SmsChannel.held_code).is_(None), col(SmsChannel.amiss) == UNKNOWN,
        )
        .values(held_at=None, probe_at=None, amiss=None, amiss_of=None)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


async def _rest(session: AsyncSession, provider: str, outcome: Refused) -> None:
    if outcome.code in _TOO_MANY or outcome.retry_after is not None:
        seconds = max(outcome.retry_after or 0.0, _REST_LEAST)
        until = func.greatest(col(SmsChannel.rest_until), NOW + timedelta(seconds=seconds))
        await write(session, provider, rest_until=until)


async def _doubted(
    session: AsyncSession, provider: str, posting: Posting, outcome: Refused, *, held: timedelta
) -> tuple[Outcome, bool]:
    await _spoke(session, provider, outcome.code)
    channel, _ = await locked(session, provider)
    before, opened = posting.refused_at, channel.opened_at
    ours, own = Refused(outcome.code, Fault.CONFIGURATION), Refused(outcome.code, Fault.CONTENT)
    if before is not None and opened is not None and before <= opened:
        return (ours if outcome.met else own), False
    if posting.lane == CODES and channel.held_at is None:
        return (ours if outcome.met or posting.attempt < TRIES else own), False
    numbers = await _amiss(session, channel, str(outcome.code), posting)
    if channel.held_at is not None or numbers >= SEVERAL:
        return ours, await _hold(session, provider, posting, outcome.code, held=held)
    return (ours if outcome.met or posting.attempt < TRIES else own), False


async def _silent(session: AsyncSession, provider: str, posting: Posting, *, held: timedelta) -> None:
    channel, _ = await locked(session, provider)
    if channel.held_at is None and await _amiss(session, channel, UNKNOWN, posting) >= SILENT:
        await _hold(session, provider, posting, None, held=held, silent=True)


async def _amiss(session: AsyncSession, channel: SmsChannel, what: str, posting: Posting) -> int:
    """Note a number that got this answer; how many different ones did in a row, as far as it matters."""
    numbers = set(channel.amiss_of or ()) if channel.amiss == what else set()
    if channel.amiss != what or (posting.number not in numbers and len(numbers) < SILENT):
        numbers.add(posting.number)
        await write(session, channel.provider, amiss=what, amiss_of=sorted(numbers))
    return len(numbers)


async def _hold(
    session: AsyncSession, provider: str, posting: Posting, code: int | None, *, held: timedelta, silent: bool = False
) -> bool:
    """Hold the channel, unless it was opened since this text was last refused. Who refuses us is not silent.

    What was amiss before is forgotten then: a channel that is refused must not be taken for one where nobody answers,
    which codes may pass.
    """
    spoken: dict[str, None] = {} if silent else {"amiss": None, "amiss_of": None}
    spoken |= {"held_told": None, "probed_at": None}
    changed = await session.execute(
        update(SmsChannel)
        .where(
            col(SmsChannel.provider) == provider,
            (col(SmsChannel.opened_at).is_(None))
            | (func.coalesce(bindparam("refused", posting.refused_at, Moment), NOW) > col(SmsChannel.opened_at)),
        )
        .values(held_at=func.coalesce(col(SmsChannel.held_at), NOW), held_code=code, probe_at=NOW + held, **spoken)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    return changed.rowcount > 0
