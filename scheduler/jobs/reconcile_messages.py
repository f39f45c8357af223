"""Once a day, at night: the provider's list of the day before, compared with our rows."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from booking.clock import ZONE, at_local, day_bounds, local_day
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
    listed, before = await _listed(gateway, day), await _listed(gateway, day - timedelta(days=1))
    if listed is None or before is None:
        return False
    # What was on its way in the night before has come to its end, perhaps without a receipt.
    await _compare(db, before, Compared(), base_url=base_url, now=now)
    queued = await _unlisted(db, gateway, day, {one.sid for one in listed})
    found = Compared()
    await _compare(db, [*listed, *queued], found, base_url=base_url, now=now)
    async with db.transaction() as session:
        name = f"reconcile_messages:{gateway.name}"
        if not await forgetting.first_run(session, name, at_local(day, NOT_BEFORE), now=now):
            return False  # another scheduler was at it too, and was first
        reconciling.written_down(session, gateway.name, day, found, now=now)
    _tell(gateway.name, found)
    return True


async def _compare(db: Database, listed: Sequence[Listed], found: Compared, *, base_url: str, now: datetime) -> None:
    """Learn what the list says, and count it in `found`."""
    for start in range(0, len(listed), BATCH):
        async with db.transaction() as session:
            fresh = await reconciling.differing(session, listed[start : start + BATCH], found)
        for one in fresh:
            async with db.transaction() as session:
                learnt = await reconciling.learn(session, one, base_url=base_url, now=now)
            found.add(one, learnt)


async def _unlisted(db: Database, gateway: Gateway, day: date, listed: Collection[str]) -> list[Listed]:
    """What the provider took that day and has not sent on any: its list by number has that too."""
    begins, ends = day_bounds(day)
    async with db.transaction() as session:
        missing = await reconciling.unlisted(session, gateway.name, begins, ends, listed)
    found: list[Listed] = []
    for text in missing:
        try:
            shown = await asyncio.to_thread(gateway.sent_to, text.phone, text.since)
        except ListingError as problem:
            log.warning("the provider's list cannot be read", extra={"facts": {"reason": str(problem)}})
            break
        found += [one for one in shown if one.sid == text.sid]
    if len(found) < len(missing):
        facts = {"provider": gateway.name, "count": len(missing) - len(found)}
        log.warning("the provider does not list texts that it took", extra={"facts": facts})
    return found


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
