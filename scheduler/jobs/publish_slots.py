"""Keep the coming days published. Running it often is cheap: a run that finds nothing to do writes nothing."""

import logging
from datetime import datetime
from typing import Final

from sqlalchemy import text

from booking.actor import system
from booking.availability import queries
from booking.availability.commands import PublishSlots
from booking.availability.publishing import Published
from booking.db import Database
from booking.exchange import service

log = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds that one facility waits for a lock (of a large file, of a manager's change); then the next has its turn."""


class SomeNotPublishedError(Exception):
    """What went wrong at these facilities is in the log; all others are published."""


async def run(
    db: Database, *, now: datetime, horizon_days: int, by: str = "publish_slots", patience: float = PATIENCE
) -> Published:
    """Publish every facility up to `horizon_days` from today; what was made, closed, opened.

    Each in a transaction of its own, so that one whose times are locked, or whose data is at fault, stops no other.
    What a hospital has given away already is closed in the same transaction: it is never open for a moment.

    Raises:
        SomeNotPublishedError: at the end, where facilities were left out; the next run tries them again.
    """
    async with db.transaction() as session:
        codes = await queries.with_a_timetable(session)
    done, left = Published(), []
    for code in codes:
        command = PublishSlots(facility=code, horizon_days=horizon_days)
        try:
            async with db.transaction() as session:
                await session.execute(_WAIT, {"wait": f"{round(patience * 1000)}ms"})
                done += await service.publish(session, command, by=system(by), now=now)
        except Exception:
            log.exception("a facility could not be published", extra={"facts": {"facility": code}})
            left.append(code)
    if left:
        raise SomeNotPublishedError(", ".join(left))
    return done


_WAIT: Final = text("SELECT set_config('lock_timeout', :wait, true)")
