"""What the channel learns from receipts: texts may be taken and lost all the same.

Our configuration, refused there, holds the channel as a refused post does. A cause nobody knows holds it once several
different numbers in a row tell it; codes go on meanwhile, because whose fault it is nobody knows. Texts of one wording
that carriers filter stop that wording alone. What a receipt holds a receipt opens: that a text was taken proves nothing
where taken texts are lost. Only where no receipt comes at all the second probe that is taken opens it.

The order of locks is the channel's row, then texts: to be called before any text is locked.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.messages import texts
from booking.messages.channel import runs
from booking.messages.channel.models import SmsChannel
from booking.messages.channel.row import NOW, locked, write
from booking.messages.channel.rules import CODES
from booking.messages.kinds import MessageKind, MessageState
from booking.sms.gateway import Fault

log = logging.getLogger(__name__)

RECEIPT_WITHIN: Final = timedelta(minutes=3)
"""So long a probe that was taken waits for its receipt before the next one goes."""

FAILURES: Final = (MessageState.FAILED, MessageState.UNDELIVERED)


@dataclass(frozen=True, slots=True)
class Told:
    """What a receipt says of a text that was posted through a provider: its end, and whose fault that is."""

    provider: str
    public_id: UUID
    number: bytes
    wording: str
    state: MessageState
    code: int | None
    fault: Fault | None
    posted_at: datetime
    lane: str


@dataclass(frozen=True, slots=True)
class Believed:
    """Whose fault a failure is taken for, and which earlier texts were lost to the same, it turns out."""

    fault: Fault | None
    also: list[UUID] = field(default_factory=list)


def wording_of(kind: MessageKind, facts: Any, language: str) -> str:
    """The name of what carriers filter by: whose words a text is written in, and in which language."""
    return f"{texts.worded(kind, facts)}:{language}"


async def learn(session: AsyncSession, told: Told, *, held: timedelta) -> Believed:
    """Let the channel learn from the end of a text."""
    if told.state in FAILURES and told.fault is Fault.CONFIGURATION:
        await _ours(session, told, held=held)
    elif told.state in FAILURES and told.fault is Fault.DOUBTFUL:
        return await _doubted(session, told, held=held)
    elif told.state in FAILURES and told.fault is Fault.CONTENT:
        await _filtered(session, told)
    elif told.state is MessageState.DELIVERED or told.fault is Fault.PHONE:
        await _arrived(session, told)
    return Believed(told.fault)


async def _ours(session: AsyncSession, told: Told, *, held: timedelta) -> None:
    """What was posted well before the channel was opened says nothing new; what opened it was posted just before."""
    channel, now = await locked(session, told.provider)
    if not _speaks_of_now(channel, told, now, held=held):
        return
    if channel.held_at is None:
        await _hold(session, channel, told, Fault.CONFIGURATION, held=held)
    else:
        await _still(session, channel, told, held=held)


async def _doubted(session: AsyncSession, told: Told, *, held: timedelta) -> Believed:
    channel, now = await locked(session, told.provider)
    if not _speaks_of_now(channel, told, now, held=held):
        return Believed(told.fault)
    if channel.held_at is not None:
        await _still(session, channel, told, held=held)
        same = channel.held_told is Fault.DOUBTFUL and channel.held_code == told.code
        return Believed(Fault.CONFIGURATION if same else told.fault)
    if told.lane == CODES:  # see `channel.hearing`: whoever asks for a code chooses the number
        return Believed(told.fault)
    what = runs.doubt(told.code)
    noted = runs.noted(channel.told, what, told.number.hex(), str(told.public_id), told.posted_at)
    await write(session, told.provider, told=noted)
    if not runs.several(noted[what]):
        return Believed(told.fault)
    await _hold(session, channel, told, Fault.DOUBTFUL, held=held)
    return Believed(Fault.CONFIGURATION, [UUID(each) for each in noted[what]["of"].values()])


async def _hold(session: AsyncSession, channel: SmsChannel, told: Told, by: Fault, *, held: timedelta) -> None:
    """As a refused post holds it: who refuses us is not silent."""
    spoken = {"amiss": None, "amiss_of": None, "probed_at": None}
    await write(
        session, channel.provider, held_at=NOW, held_code=told.code, held_told=by, probe_at=NOW + held, **spoken
    )
    facts = {"provider": channel.provider, "error_code": told.code}
    log.error("SMS are held for what a receipt says", extra={"facts": facts})


async def _still(session: AsyncSession, channel: SmsChannel, told: Told, *, held: timedelta) -> None:
    """A text that was posted since, as a probe is, was lost as well: the next one tries later."""
    if channel.held_told is not None and channel.held_at is not None and told.posted_at >= channel.held_at:
        await write(session, channel.provider, probe_at=NOW + held, probed_at=None)


async def _filtered(session: AsyncSession, told: Told) -> None:
    channel, now = await locked(session, told.provider)
    if told.posted_at <= now - runs.LATE:
        return
    what = runs.filtered(told.wording)
    noted = runs.noted(channel.told, what, told.number.hex(), str(told.public_id), told.posted_at)
    if runs.stopped(noted[what]):
        noted[what] = runs.refused_again(noted[what], told.posted_at, now)
    elif runs.several(noted[what]):
        noted[what] = runs.stop(noted[what], now)
        facts = {"provider": told.provider, "kind": told.wording, "error_code": told.code}
        log.error("SMS of one text wait: carriers filter it", extra={"facts": facts})
    await write(session, told.provider, told=noted)


async def _arrived(session: AsyncSession, told: Told) -> None:
    """As nearly always nothing is amiss, and then no row is locked."""
    query = select(SmsChannel.told, SmsChannel.held_told).where(col(SmsChannel.provider) == told.provider)
    seen = (await session.execute(query)).first()
    if seen is None or not (seen.told or seen.held_told):
        return
    channel, _ = await locked(session, told.provider)
    left = runs.arrived(channel.told, told.wording, told.posted_at)
    values: dict[str, Any] = {} if left == channel.told else {"told": left}
    if channel.held_told is not None and channel.held_at is not None and told.posted_at >= channel.held_at:
        values |= {"held_at": None, "held_code": None, "held_told": None, "probe_at": None, "probed_at": None}
        values |= {"opened_at": NOW}
        log.warning("the SMS channel is open again", extra={"facts": {"provider": told.provider}})
    if values:
        await write(session, told.provider, **values)


def _speaks_of_now(channel: SmsChannel, told: Told, now: datetime, *, held: timedelta) -> bool:
    recent = told.posted_at > now - runs.LATE
    return recent and (channel.opened_at is None or told.posted_at > channel.opened_at - held)


async def waits_for_receipt(session: AsyncSession, provider: str) -> bool:
    """Whether a probe that was taken opens nothing yet, because a receipt has to say first what became of it."""
    channel, _ = await locked(session, provider)
    if channel.held_at is None or channel.held_told is None or channel.probed_at is not None:
        return False
    await write(session, provider, probed_at=NOW, probe_at=NOW + RECEIPT_WITHIN)
    return True


async def stopped(session: AsyncSession, provider: str, wording: str, *, now: datetime) -> datetime | None:
    """Until when a text of this wording waits, because carriers filter it; None where it goes, be it to try."""
    found = await session.scalar(select(SmsChannel.told).where(col(SmsChannel.provider) == provider))
    run = (found or {}).get(runs.filtered(wording))
    if run is None or not runs.stopped(run):
        return None
    wait, after = runs.probe(run, now)
    if after is None:
        return wait
    kept = {name: each for name, each in found.items() if name != runs.filtered(wording)}
    changed = await session.execute(
        update(SmsChannel)
        .where(col(SmsChannel.provider) == provider, col(SmsChannel.told) == found)
        .values(told={**kept, runs.filtered(wording): after} if after else kept)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    return None if changed.rowcount else now + runs.EVERY  # else somebody else tries this moment
