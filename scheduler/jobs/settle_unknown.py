"""Find out about texts that may have been sent."""

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import utc_now
from booking.db import Database
from booking.messages import settling
from booking.messages.outbox import Pace
from booking.messages.settling import Doubt
from booking.sms.gateway import Gateway, Listed, ListingError
from scheduler import row_by_row

log = logging.getLogger(__name__)

_AT_ONCE = 20
_Texts = Sequence[Listed] | None


async def run(db: Database, gateway: Gateway, *, base_url: str, pace: Pace) -> int:
    """One look at each message whose time for it has come; how many were settled."""
    async with db.transaction() as session:
        doubts = await settling.take(session, most=_AT_ONCE, base_url=base_url, now=utc_now(), pace=pace)
    settled, left_out = 0, list[int]()
    for doubt in doubts:
        listed = await _listed(gateway, doubt)

        async def settle(session: AsyncSession, _: int, doubt: Doubt = doubt, listed: _Texts = listed) -> int:
            state = await settling.settle(session, doubt, listed, base_url=base_url, now=utc_now(), pace=pace)
            if state is not None:
                log.info("unknown outcome settled", extra={"facts": {"state": state, "attempt": doubt.attempts}})
            return int(state is not None)

        settled += await row_by_row.each(db, [doubt.id], settle, left_out)
    return settled


async def _listed(gateway: Gateway, doubt: Doubt) -> Sequence[Listed] | None:
    """The provider's texts to this number; None where they could not be read, which settles nothing.

    A provider that keeps no list shows none: what no receipt settled goes once more, when its time has come.
    """
    if doubt.provider not in (None, gateway.name):
        return None  # the provider was changed meanwhile
    if doubt.body is None:
        return None  # a code, which is erased: no list can show it, and it never goes again
    if not gateway.keeps_list:
        return []
    try:
        return await asyncio.to_thread(gateway.sent_to, doubt.phone, doubt.since)
    except ListingError as problem:
        log.warning("the provider's list cannot be read", extra={"facts": {"reason": str(problem)}})
        return None
