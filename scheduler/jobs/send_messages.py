"""Send what is due in one lane: claim, look again and write down, post, record. No network call in a transaction."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking import tracing
from booking.appointments import reminding
from booking.clock import utc_now
from booking.db import Database
from booking.messages import claiming, outbox
from booking.messages.channel import counting, hearing
from booking.messages.channel import service as channels
from booking.messages.channel.service import Asked
from booking.messages.claiming import Claim
from booking.messages.kinds import MessageState, SuppressedReason
from booking.messages.outbox import Pace, Posting
from booking.messages.preparing import Channel
from booking.sms.gateway import STALE, Fault, Gateway, Outcome, Refused

log = logging.getLogger(__name__)

_TOGETHER: Final = 0.05
"""Seconds that posts which end one after the other are waited for, so that their places are filled in one claim."""

_STOOD_STILL: Final = timedelta(seconds=5)
"""So long after a post was begun it is not made, though little time seems to have passed: a machine that is paused, or
moved while it runs, stops the clock that does not jump."""

_AT_ONCE: Final = 0.001
"""The pause after a claim that was put off: there may be more."""


class Sender:
    """What one lane sends through: at most `together` posts at once, each in a thread, because gateways block."""

    def __init__(
        self,
        db: Database,
        gateway: Gateway,
        channel: Channel,
        *,
        lane: str,
        together: int = 8,
        pace: Pace | None = None,
    ) -> None:
        self.lane = lane
        self.together = together
        self.pace = pace or Pace()
        self.channel = channel
        self.pause = 0.0
        """Seconds after the last claim before which the channel gives nothing; 0 where it gave what there was."""
        self.room = together
        """Posts that may be out now: fewer while this machine is too slow to post right after it looked."""
        self._db = db
        self._gateway = gateway
        self._unposted: list[Claim] = []
        self._threads = ThreadPoolExecutor(together, thread_name_prefix=f"sms-{lane}")

    async def claim(self, most: int) -> list[Claim]:
        """Claim at most so many; never more than can be posted at once, so that no claim waits.

        Nothing due costs one look at an index. Else the channel is asked first: it is shared by all senders. What was
        claimed and not posted is given back on the way: each for itself would wait for the channel's row.
        """
        self.pause = 0.0
        provider, allowance = self.channel.provider, self.channel.allowance
        async with self._db.transaction() as session:
            if not await claiming.is_due(session, self.lane, now=utc_now()):
                return []
            back = list(self._unposted)
            await counting.give_back(session, provider, allowance, back, lane=self.lane)
            asked = await channels.ask(
                session, provider, allowance, lane=self.lane, wanted=most, held=self.pace.held
            )  # fmt: skip
            claims, over = await self._claim(session, asked)
        del self._unposted[: len(back)]
        put_off = {one.id for each in over.values() for one in each}
        self.pause = asked.grant.wait if asked.grant.posts == 0 else _AT_ONCE if put_off else 0.0
        return [one for one in claims if one.id not in put_off]

    async def _claim(
        self, session: AsyncSession, asked: Asked
    ) -> tuple[list[Claim], dict[SuppressedReason, list[Claim]]]:
        """Claim what the channel granted; what of it is over a cap is put off."""
        if asked.grant.posts == 0:
            return [], {}
        now, allowance = utc_now(), self.channel.allowance
        grant = asked.grant
        claims = await claiming.claim(
            session, self.lane, most=grant.posts, now=now, lease=self.pace.claimed, probe=grant.probe,
            only_news=grant.only_news,
        )  # fmt: skip
        over = await counting.charge(session, asked, allowance, claims)
        for reason, each in over.items():
            await outbox.put_off(session, each, reason, now=now)
            log.error("texts over a cap wait", extra={"facts": {"reason": reason, "count": len(each)}})
        return claims, over

    async def give_back(self) -> None:
        """Take back what was counted for claims that were not posted: they count for no cap."""
        if not self._unposted:
            return
        back, (provider, allowance) = list(self._unposted), (self.channel.provider, self.channel.allowance)
        async with self._db.transaction() as session:
            await counting.give_back(session, provider, allowance, back, lane=self.lane)
        del self._unposted[: len(back)]

    async def carry(self, claimed: Claim) -> None:
        """Take one claimed message to its outcome. A fault stays with its message: the lease settles what it left."""
        try:
            posting, looked = await self._begin(claimed)
            if posting is None:
                self._unposted.append(claimed)
                return
            outcome = await self._posted(posting, looked)
            # Recording twice is recording once, so a lost connection is tried again.
            state = await self._db.until_known(lambda: self._record(posting, outcome))
            if outcome is STALE:
                self._unposted.append(claimed)
            self._tell(posting, outcome, state)
        except Exception:
            log.exception("message left to its lease", extra={"facts": {"rows": claimed.id}})

    async def _begin(self, claimed: Claim) -> tuple[Posting | None, float]:
        """The post to make, and the moment of our last look at the message: a cancel commits after that, or wins."""
        async with self._db.transaction() as session:
            now, lease = utc_now(), self.pace.sending
            if await reminding.wait(session, claimed, now=now):
                return None, 0.0
            posting = await outbox.begin(session, claimed, through=self.channel, now=now, lease=lease)
            return posting, time.monotonic()

    async def _posted(self, posting: Posting, looked: float) -> Outcome:
        """What became of the post, in a thread of its own: gateways block."""
        loop = asyncio.get_running_loop()
        with tracing.within("text", lane=self.lane, provider=self.channel.provider, attempt=posting.attempt) as told:
            outcome = await loop.run_in_executor(self._threads, self._post, posting, looked)
            told(outcome="stale" if outcome is STALE else type(outcome).__name__.lower())
            if isinstance(outcome, Refused):
                told(error_code=outcome.code, fault=outcome.fault.value)
            return outcome

    def _post(self, posting: Posting, looked: float) -> Outcome:
        """Post, unless our look grew old on the way, be it here or while the gateway connects: then it looks again.

        The visit may be off by now; the text keeps its place in the order.
        """
        leave_by = looked + self.pace.fresh.total_seconds()
        still = posting.begun_at is not None and utc_now() - posting.begun_at > max(_STOOD_STILL, self.pace.fresh)
        if still or time.monotonic() > leave_by:
            return STALE
        return self._gateway.send(replace(posting.outgoing, leave_by=leave_by))

    async def _record(self, posting: Posting, outcome: Outcome) -> MessageState | None:
        provider, pace = self.channel.provider, self.pace
        stale = outcome is STALE
        self.room = max(1, self.room // 2) if stale else min(self.together, self.room + 1)
        async with self._db.transaction() as session:
            held = stale
            if not stale:
                outcome, held = await hearing.heard(session, provider, posting, outcome, held=pace.held)
            return await outbox.record(session, posting, outcome, now=utc_now(), pace=pace, held=held)

    def _tell(self, posting: Posting, outcome: Outcome, state: MessageState | None) -> None:
        facts = {
            "message_id": posting.outgoing.message_id,
            "attempt": posting.attempt,
            "state": state or "known already",
            "provider": self.channel.provider,
        }
        level = logging.INFO
        if isinstance(outcome, Refused):
            facts |= {"error_code": outcome.code, "reason": outcome.fault}
            level = logging.ERROR if outcome.fault in (Fault.CONTENT, Fault.CONFIGURATION, Fault.DOUBTFUL) else level
        log.log(level, "message posted", extra={"facts": facts})


async def run(sender: Sender, *, stop: asyncio.Event, poll: float = 1.0) -> int:
    """Send until nothing is due, or the channel gives nothing for a while; how many were claimed.

    A post that hangs holds up one of the places, not the lane: the others go on, and new messages are looked for every
    `poll` seconds. When `stop` is set nothing more is claimed and the posts that are out are waited for.
    """
    flying: set[asyncio.Task[None]] = set()
    taken = 0
    try:
        while True:
            free = 0 if stop.is_set() else max(min(sender.room, sender.together) - len(flying), 0)
            claims = await sender.claim(free) if free else []
            taken += len(claims)
            flying |= {asyncio.create_task(sender.carry(one)) for one in claims}
            if not flying and not _worth_waiting(sender, stop, poll):
                await sender.give_back()
                return taken
            flying = await _landed(flying, sender.pause, poll)
    finally:
        if flying:
            await asyncio.wait(flying)


def _worth_waiting(sender: Sender, stop: asyncio.Event, poll: float) -> bool:
    return 0 < sender.pause <= poll and not stop.is_set()


async def _landed(flying: set[asyncio.Task[None]], pause: float, poll: float) -> set[asyncio.Task[None]]:
    """The posts that are still out once it is worth asking for more."""
    if not flying:
        await asyncio.sleep(min(pause, poll))
        return flying
    _, left = await asyncio.wait(flying, timeout=poll, return_when=asyncio.FIRST_COMPLETED)
    wait = max(pause, _TOGETHER)
    if left and wait <= poll:
        _, left = await asyncio.wait(left, timeout=wait)
    return left
