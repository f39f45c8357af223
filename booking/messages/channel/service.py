"""The channel's row: asked before texts are claimed, told what became of posts. Its own clock is the database's.

Whoever claims locks the row for that moment, so the bucket, the caps and the breaker are those of all senders together.
The order of locks is the channel's row, then messages; nobody who holds it waits for a message.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.actor import Actor
from booking.messages.channel import rules
from booking.messages.channel.kinds import ChannelState, TallyScope
from booking.messages.channel.models import MessageTally, SmsChannel
from booking.messages.channel.row import UNKNOWN, locked, write
from booking.messages.channel.rules import Allowance, Grant, Standing
from booking.sms.gateway import Fault
from booking.trail.forgetting import BATCH, remove
from booking.trail.service import record

log = logging.getLogger(__name__)

_DAYS: Final = 14
"""How many earlier days say what an hour usually has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer of the channel, while its row is locked by the caller's transaction."""

    provider: str
    lane: str
    now: datetime
    day_at: datetime
    standing: Standing
    grant: Grant


async def ask(
    session: AsyncSession, provider: str, allowance: Allowance | None, *, lane: str, wanted: int, held: timedelta
) -> Asked:
    """Lock the channel's row and hear how many texts may be claimed; `counting.charge` writes down how many were."""
    row, now = await locked(session, provider)
    standing, changed = await _rolled(session, row, allowance, now)
    grant = rules.grant(now, standing, allowance, lane=lane, wanted=wanted)
    if grant.state in (ChannelState.BREAKER, ChannelState.BUDGET) and (
        row.stopped_at is None or row.stopped_at < changed["hour_at"]
    ):
        changed["stopped_at"] = now
        log.error("SMS about visits wait", extra={"facts": {"provider": provider, "reason": grant.state}})
    if grant.probe:
        changed["probe_at"] = now + held
    if len(changed) > len(_WINDOWS) or row.hour_at != changed["hour_at"] or row.day_at != changed["day_at"]:
        await write(session, provider, **changed)
    return Asked(provider, lane, now, changed["day_at"], standing, grant)


_WINDOWS: Final = ("hour_at", "hour_posts", "hour_usual", "day_at", "day_posts")


async def resume(session: AsyncSession, provider: str, *, by: Actor, now: datetime) -> None:
    """Let texts go on at once because somebody answers for it.

    After a refused configuration the next text tries it now, and that it is taken is enough; texts that were filtered
    go. Budget and breaker stay aside until the local day is over.
    """
    await locked(session, provider)
    _, tomorrow = clock.day_bounds(clock.local_day(now))
    told: dict[str, Any] = {"told": {}, "held_told": None, "probed_at": None}
    await write(session, provider, probe_at=None, freed_until=tomorrow, rest_until=None, **told)
    record(session, "sms.resume", "sms_channel", provider, by=by, now=now)


async def forget_tallies(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove counts that nobody asks for any more: of numbers after two days, of hours and facilities after a month."""
    number = 0
    for scope, kept in ((TallyScope.NUMBER, 2), (TallyScope.FACILITY, 31), (TallyScope.HOUR, 31)):
        old = col(MessageTally.since) < now - timedelta(days=kept)
        number += await remove(session, MessageTally, col(MessageTally.scope) == scope.value, old, most=most)
    return number


async def _rolled(
    session: AsyncSession, row: SmsChannel, allowance: Allowance | None, now: datetime
) -> tuple[Standing, dict[str, Any]]:
    """What the row says in this hour and on this day, and the same as columns."""
    hour_at = now.replace(minute=0, second=0, microsecond=0)  # of our zone too: its offset is whole hours
    day_at, _ = clock.day_bounds(clock.local_day(now))
    standing = Standing(
        row.empty_at, row.rest_until, row.held_at, row.probe_at, row.hour_posts, row.hour_usual, row.day_posts,
        row.freed_until, (row.held_code is None and row.amiss == UNKNOWN) or row.held_told is Fault.DOUBTFUL,
    )  # fmt: skip
    if allowance is not None and (row.hour_at < hour_at or row.hour_usual == 0):
        past = await _finished(session, row, hour_at)
        posts = 0 if row.hour_at < hour_at else row.hour_posts
        standing = rules.in_hour(standing, posts, rules.usual(past, allowance))
    if row.day_at < day_at:
        standing = rules.on_day(standing, 0)
    changed = {
        "hour_at": hour_at, "hour_posts": standing.hour_posts, "hour_usual": standing.hour_usual, "day_at": day_at,
        "day_posts": standing.day_posts,
    }  # fmt: skip
    return standing, changed


async def _finished(session: AsyncSession, row: SmsChannel, hour_at: datetime) -> list[int]:
    """Write the finished hour down; what this hour of the day had on earlier days."""
    subject = row.provider.encode()
    since = row.hour_at.replace(minute=0, second=0, microsecond=0)
    if row.hour_posts > 0 and since < hour_at:
        made = upsert(MessageTally).values(
            scope=TallyScope.HOUR.value, since=since, subject=subject, posts=row.hour_posts
        )
        again = {"posts": col(MessageTally.posts) + made.excluded.posts}
        await session.execute(made.on_conflict_do_update(index_elements=["scope", "since", "subject"], set_=again))
    query = select(MessageTally.posts).where(
        col(MessageTally.scope) == TallyScope.HOUR.value,
        col(MessageTally.since).in_([hour_at - timedelta(days=days) for days in range(1, _DAYS + 1)]),
        col(MessageTally.subject) == subject,
    )
    return list((await session.execute(query)).scalars())
