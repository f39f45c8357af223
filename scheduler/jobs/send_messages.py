"""Send what is due in one lane: claim, look again and write down, post, record. No network call in a transaction."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox
from booking.messages.kinds import MessageState
from booking.messages.outbox import Claim, Pace, Posting
from booking.messages.preparing import Channel
from booking.sms.gateway import Fault, Gateway, Outcome, Refused

log = logging.getLogger(__name__)


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
        self._db = db
        self._gateway = gateway
        self._threads = ThreadPoolExecutor(together, thread_name_prefix=f"sms-{lane}")
        self._held_until = 0.0

    @property
    def held(self) -> bool:
        """Whether the channel rests because our configuration was refused."""
        return asyncio.get_running_loop().time() < self._held_until

    async def claim(self, most: int) -> list[Claim]:
        """Claim at most so many; never more than can be posted at once, so that no claim waits."""
        async with self._db.transaction() as session:
            return await outbox.claim(session, self.lane, most=most, now=utc_now(), lease=self.pace.claimed)

    async def carry(self, claimed: Claim) -> None:
        """Take one claimed message to its outcome. A fault stays with its message: the lease settles what it left."""
        try:
            posting = await self._begin(claimed)
            if posting is None:
                return
            loop = asyncio.get_running_loop()
            outcome = await loop.run_in_executor(self._threads, self._gateway.send, posting.outgoing)
            if isinstance(outcome, Refused) and outcome.fault is Fault.CONFIGURATION:
                self._hold(outcome)
            # Recording twice is recording once, so a lost connection is tried again.
            state = await self._db.until_known(lambda: self._record(posting, outcome))
            self._tell(posting, outcome, state)
        except Exception:
            log.exception("message left to its lease", extra={"facts": {"rows": claimed.id}})

    async def _begin(self, claimed: Claim) -> Posting | None:
        async with self._db.transaction() as session:
            return await outbox.begin(session, claimed, through=self.channel, now=utc_now(), lease=self.pace.sending)

    async def _record(self, posting: Posting, outcome: Outcome) -> MessageState | None:
        async with self._db.transaction() as session:
            return await outbox.record(session, posting, outcome, now=utc_now(), pace=self.pace)

    def _hold(self, refused: Refused) -> None:
        self._held_until = asyncio.get_running_loop().time() + self.pace.held.total_seconds()
        facts = {"error_code": refused.code, "provider": self.channel.provider, "seconds": self.pace.held.seconds}
        log.error("our SMS configuration is refused; the channel is held", extra={"facts": facts})

    def _tell(self, posting: Posting, outcome: Outcome, state: MessageState | None) -> None:
        facts = {
            "message_id": posting.outgoing.message_id,
            "attempt": posting.attempt,
            "state": state or "known already",
            "provider": self.channel.provider,
        }
        if isinstance(outcome, Refused):
            facts |= {"error_code": outcome.code, "reason": outcome.fault}
        level = logging.ERROR if isinstance(outcome, Refused) and outcome.fault is Fault.CONTENT else logging.INFO
        log.log(level, "message posted", extra={"facts": facts})


async def run(sender: Sender, *, stop: asyncio.Event, poll: float = 1.0) -> int:
    """Send until nothing is due; how many were claimed.

    A post that hangs holds up one of the places, not the lane: the others go on, and new messages are looked for every
    `poll` seconds. When `stop` is set nothing more is claimed and the posts that are out are waited for.
    """
    flying: set[asyncio.Task[None]] = set()
    taken = 0
    try:
        while True:
            free = 0 if stop.is_set() or sender.held else sender.together - len(flying)
            claims = await sender.claim(free) if free else []
            taken += len(claims)
            flying |= {asyncio.create_task(sender.carry(one)) for one in claims}
            if not flying:
                return taken
            _, flying = await asyncio.wait(flying, timeout=poll, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if flying:
            await asyncio.wait(flying)
