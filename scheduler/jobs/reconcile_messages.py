"""Once a day, at night: the provider's list of the day before, compared with our rows."""

import asyncio
import logging
from datetime import date, datetime, time, timedelta
from typing import Final

from booking.clock import ZONE, at_local, local_day
from booking.db import Database
from booking.messages import reconciling
from booking.messages.reconciling import BATCH, Compared
from booking.sms.gateway import Gateway, Listed, ListingError
from booking.trail import forgetting

log = logging.getLogger(__name__)

NOT_BEFORE: Final = time(3)
"""By then receipts of the evening have come, and nobody is awake who could be slowed down."""

_DAYS: Final = 3
"""Days that are compared where nobody did: the provider's list could not be read, or no scheduler ran."""


async def run(db: Database, gateway: Gateway, *, base_url: str, now: datetime) -> int:
    """Compare each of the last days that was not compared yet; how many were."""
    if not gateway.keeps_list or now.astimezone(ZONE).time() < NOT_BEFORE:
        return 0
    done = 0
    for ago in range(_DAYS, 0, -1):
        done += await _day(db, gateway, local_day(now) - timedelta(days=ago), base_url=base_url, now=now)
    return done


async def _day(db: Database, gateway: Gateway, day: date, *, base_url: str, now: datetime) -> bool:
    async with db.transaction() as session:
        if await reconciling.is_done(session, gateway.name, day):
            return False
    listed = await _listed(gateway, day)
    if listed is None:
        return False
    found = Compared()
    for start in range(0, len(listed), BATCH):
        async with db.transaction() as session:
            fresh = await reconciling.differing(session, listed[start : start + BATCH], found)
        for one in fresh:
            async with db.transaction() as session:
                learnt = await reconciling.learn(session, one, base_url=base_url, now=now)
            found.add(one, learnt)
    async with db.transaction() as session:
        name = f"reconcile_messages:{gateway.name}"
        if not await forgetting.first_run(session, name, at_local(day, NOT_BEFORE), now=now):
            return False  # another scheduler was at it too, and was first
        reconciling.written_down(session, gateway.name, day, found, now=now)
    _tell(gateway.name, found)
    return True


async def _listed(gateway: Gateway, day: date) -> "list[Listed] | None":
    try:
        return list(await asyncio.to_thread(gateway.taken_on, day))
    except ListingError as problem:
        log.warning("the provider's list cannot be read", extra={"facts": {"reason": str(problem)}})
        return None


def _tell(provider: str, found: Compared) -> None:
    facts = {"provider": provider, "count": found.listed, "applied": found.adopted + found.advanced}
    log.info("the provider's list was compared with our rows", extra={"facts": facts})
    if found.strange:
        facts = {"provider": provider, "count": len(found.strange)}
        log.warning("the provider lists texts that no row of ours stands for", extra={"facts": facts})
