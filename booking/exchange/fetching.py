"""Whose turn it is to be fetched, what came of it, and when the next try is due. The scheduler does the fetching.

A claim is a lease with its end as the proof: of two schedulers one fetches, and one that was away too long writes
nothing more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids
from booking.directory.errors import FacilityUnknown
from booking.exchange import hearing, queries
from booking.exchange.commands import Content
from booking.exchange.fetch_models import FeedFetch
from booking.exchange.kinds import ServerProblem

LONGEST: Final = timedelta(hours=1)
"""No pause after failures is longer, unless the feed's own is."""

CAREFUL: Final = timedelta(minutes=15)
"""The pause after a refused login is no shorter: servers lock out who tries often."""

FORGOTTEN: Final = timedelta(days=1)
"""A feed that no scheduler tries any more is forgotten then."""

_CAREFUL_AFTER: Final = {ServerProblem.LOGIN_REFUSED, ServerProblem.HOST_KEY_CHANGED}


@dataclass(frozen=True, slots=True)
class Wish:
    """A feed that is to be fetched.

    Attributes:
        content: the feed and its facility, with old_minutes; of no file yet.
        place: its server's address for people.
        definition: a hash of all that what is remembered depends on.
        every: the pause between two looks.
        lease: longer than a look can take.
    """

    content: Content
    place: str
    definition: str
    every: timedelta
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to fetch a feed until then, and what is remembered of its server."""

    feed: str
    until: datetime
    memory: dict[str, Any]
    failures: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a look.

    Attributes:
        memory: what is remembered from now on; None: what was kept before.
        reached: whether the server answered as it should, so that the next look comes at the usual time.
        problem: what went wrong.
        facts: about the problem, or counts of what was left alone.
        unchanged: the SHA-256 of the content that still holds.
        said_at: since when it holds, where the server says so.
    """

    reached: bool
    memory: Mapping[str, Any] | None = None
    problem: ServerProblem | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bytes | None = None
    said_at: datetime | None = None


class ClaimLost(Exception):
    """Another scheduler fetches this feed by now."""


async def resting(session: AsyncSession, *, now: datetime) -> dict[str, str]:
    """The feeds whose time has not come, or that somebody fetches, each with the hash its memory goes with."""
    query = select(col(FeedFetch.feed), col(FeedFetch.definition)).where(
        or_(col(FeedFetch.next_at) > now, col(FeedFetch.claimed_until) > now)
    )
    return {row.feed: row.definition for row in await session.execute(query)}


async def claim(session: AsyncSession, wish: Wish, *, now: datetime) -> Claim | None:
    """Claim a feed whose time has come; None when it has not, or somebody has it.

    A feed whose server was changed is new: it is due at once and nothing is remembered of it.

    Raises:
        FacilityUnknown: the feed names a facility there is none of.
    """
    known = await session.scalar(
        select(FeedFetch).where(col(FeedFetch.feed) == wish.content.feed).with_for_update(skip_locked=True)
    )
    if known is None and not await _begun(session, wish, now=now):
        return None
    if known is None:
        known = await session.get(FeedFetch, wish.content.feed, populate_existing=True, with_for_update=True)
        assert known is not None, "begun a line above"
    if known.claimed_until is not None and known.claimed_until > now:
        return None
    if known.definition != wish.definition:
        known.definition, known.place, known.memory = wish.definition, wish.place, {}
        known.failures, known.next_at = 0, now
    if known.next_at > now:
        return None
    until = now + wish.lease
    known.claimed_until = until
    return Claim(known.feed, until, dict(known.memory), known.failures)


async def _begun(session: AsyncSession, wish: Wish, *, now: datetime) -> bool:
    """Make the row of a feed that is fetched for the first time; False when another scheduler just does."""
    facility_id = await queries.facility_of(session, wish.content.facility)
    if facility_id is None:
        raise FacilityUnknown(facility=wish.content.facility)
    new = insert(FeedFetch).values(
        feed=wish.content.feed, facility_id=facility_id, place=wish.place, definition=wish.definition, next_at=now,
        failures=0, facts={}, memory={},
    )  # fmt: skip
    made = await session.scalar(new.on_conflict_do_nothing().returning(col(FeedFetch.feed)))
    # So that its page is there before its first file is.
    await hearing.heard(session, wish.content, facility_id, now=None)
    return made is not None


async def keep(session: AsyncSession, claimed: Claim, memory: Mapping[str, Any], file: str, *, now: datetime) -> None:
    """Remember a file that lies in the drop folder since now.

    Raises:
        ClaimLost: somebody else fetches this feed by now.
    """
    await _write(session, claimed, {"memory": dict(memory), "file_name": file, "fetched_at": now})


async def ended(session: AsyncSession, wish: Wish, claimed: Claim, end: Ended, *, now: datetime) -> None:
    """Write down what came of a look, and when the next is due. The same content again still says that it holds.

    Raises:
        ClaimLost: somebody else fetches this feed by now.
    """
    failures = 0 if end.reached else claimed.failures + 1
    values: dict[str, Any] = {
        "tried_at": now, "failures": failures, "problem": end.problem, "facts": dict(end.facts), "claimed_until": None,
        "next_at": now + pause(wish.every, failures, end.problem),
    }  # fmt: skip
    if end.reached:
        values["reached_at"] = now
    if end.memory is not None:
        values["memory"] = dict(end.memory)
    await _write(session, claimed, values)
    if end.unchanged is not None:
        await _still_holds(session, wish.content, end.unchanged, at=end.said_at or now)


async def give_back(session: AsyncSession, claimed: Claim) -> None:
    """Let go of a claim whose look was broken off, so that the next scheduler need not wait for its end."""
    await _write(session, claimed, {"claimed_until": None})


async def _write(session: AsyncSession, claimed: Claim, values: Mapping[str, Any]) -> None:
    mine = (col(FeedFetch.feed) == claimed.feed, col(FeedFetch.claimed_until) == claimed.until)
    done = await session.scalar(update(FeedFetch).where(*mine).values(**values).returning(col(FeedFetch.feed)))
    if done is None:
        raise ClaimLost


async def _still_holds(session: AsyncSession, content: Content, sha256: bytes, *, at: datetime) -> None:
    """Data is as young as the server says, where its content is what was applied last."""
    last = await queries.last_applied(session, content.feed)
    if last is not None and last.sha256 == sha256 and last.facility_id is not None:
        await hearing.heard(session, content, last.facility_id, now=at)


def pause(every: timedelta, failures: int, problem: ServerProblem | None) -> timedelta:
    """How long until the next look: longer after each failure, and never in step with others."""
    if failures == 0:
        return every * ids.jitter(0.95, 1.05)
    longest = max(LONGEST, every)
    wait = min(every * float(2 ** min(failures, 10)), longest)
    if problem in _CAREFUL_AFTER:
        wait = max(wait, CAREFUL)
    return wait * ids.jitter(0.8, 1.2)


async def forget(session: AsyncSession, feeds: Collection[str], *, now: datetime) -> None:
    """Drop what is remembered of feeds that are not fetched any more, by us or by anybody else."""
    silent = or_(col(FeedFetch.tried_at).is_(None), col(FeedFetch.tried_at) < now - FORGOTTEN)
    gone = (col(FeedFetch.feed).not_in(list(feeds)), silent, col(FeedFetch.next_at) < now - FORGOTTEN)
    await session.execute(delete(FeedFetch).where(*gone))
